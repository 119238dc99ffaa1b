/* letters.h — what our mail says, in the language of the request
 *
 * Each fills in a letter of store/outbox.h: subject and inner HTML, with everything that comes from
 * elsewhere escaped. Its texts live in r->arena.
 *
 * Threads  as the request.
 */
#ifndef ADMIN_LETTERS_H
#define ADMIN_LETTERS_H

#include "net/http.h"
#include "store/outbox.h"
#include "store/reminder.h"

struct options;

#define LETTER_CODE_LIFE_S 600

struct letter letter_code(struct req *r, struct str address, struct str code);
/* For whoever has the address of a code that somebody asked for to register with. */
struct letter letter_known(struct req *r, struct str address);
struct letter letter_reset(struct req *r, struct str address, struct str username, struct str link);
/* To the address that was left. */
struct letter letter_moved(struct req *r, struct str old_address, struct str username,
    struct str new_address);
struct letter letter_test(struct req *r, struct str address);
/* In the user's language: no request is the reason for it. */
struct letter letter_quota(struct arena *a, const struct options *o, const struct reminder *to);

#endif
