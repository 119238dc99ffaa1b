/* families.h — the kinds of things that live at an upstream: what their paths and bodies say
 *
 * A family is a kind of resource and the paths about it: "files" is /v1/files, /v1/files/ID and
 * what lies below. Its name is also the kind in table resources and the word for it in a channel's
 * config member `resources`.
 *
 * Threads  pure.
 */
#ifndef FCGI_RELAY_FAMILIES_H
#define FCGI_RELAY_FAMILIES_H

#include "base/jscan.h"
#include "provider/catalog.h"

struct family {
	struct str name, path; /* path: what follows /v1/ */
	struct str id_path;    /* where the answer to a creation has the id */
	bool always;           /* needs no switch: whoever makes responses may ask for them */
	bool lists;            /* GET path is a list: its objects are kept */
	bool uploads;          /* bodies may be forms: their file is all they hold */
};

enum family_act {
	FAMILY_LIST,
	FAMILY_CREATE,
	FAMILY_USE,    /* of what has that id, or of something below it */
	FAMILY_DELETE, /* of the thing itself */
};

struct family_call {
	const struct family *family;
	enum family_act act;
	struct str path; /* from /v1/ on, without a slash at its end: what goes upstream */
	struct str id;   /* "" in lists and creations */
};

/* method and path as the client sent them. False: there is no such path. Ids and other segments
 * are 1 to 128 of A-Z a-z 0-9 - _ . : and never dots alone; nothing may be percent-encoded, so that
 * no two servers can read one path differently. */
MUST_USE bool family_read(struct str method, struct str raw_path, struct family_call *out);
const struct family *family_by_name(struct str name);
/* Has this channel's operator switched the family on? */
bool family_is_offered(const struct family *f, const struct catalog_channel *c);
/* Would this be an id? */
bool family_is_id(struct str s);

/* Calls fn for every id of another resource that a body refers to, at any depth and as often as it
 * occurs; what users fill in freely (metadata, JSON schemas) is left out, unless it stands
 * in a prompt's variables. kind is the family it
 * belongs to. False when fn says so. One pass, however deep. */
typedef bool reference_fn(void *arg, struct str kind, struct jval id, struct err *err);
MUST_USE bool family_references(struct jval body, reference_fn *fn, void *arg, struct err *err);

/* Calls fn for every id that an upstream's answer about a resource names as made along with it:
 * the files that a batch wrote, the thread of a run. */
typedef void product_fn(void *arg, struct str kind, struct jval id);
void family_products(const struct family *f, struct jval answer, product_fn *fn, void *arg);

#endif
