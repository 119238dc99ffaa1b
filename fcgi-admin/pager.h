/* pager.h — where the pages of a long list begin
 *
 * Old clients ask for page p of a list by its number, which would mean counting through all pages
 * before it. So the place where a page ended is remembered, for the next number of the same list: a
 * client that turns pages one after the other goes on from there, as quickly at page 10,000 as at
 * page 1, and sees no row twice while new ones come in. What is not remembered (another process, a
 * jump, five minutes) is counted through.
 *
 * Threads  any.
 */
#ifndef ADMIN_PAGER_H
#define ADMIN_PAGER_H

#include "base/attr.h"
#include "base/str.h"

struct pager;

struct pager_place {
	int64_t after_id, after_time; /* of the last row before */
};

RETURNS_NEW struct pager *pager_new(void);
void pager_free(struct pager *p);

/* list names the list and its filter. p may be NULL: nothing is remembered. */
bool pager_find(struct pager *p, struct str list, int64_t number, struct pager_place *out);
void pager_keep(struct pager *p, struct str list, int64_t number, struct pager_place place);

#endif
