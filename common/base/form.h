/* form.h — multipart/form-data read in place and rewritten around its files (RFC 7578, RFC 2046)
 *
 * A form may hold an upload of a hundred megabytes, perhaps in a mapped file: it is walked once,
 * its parts are views, and no byte of them is ever copied.
 *
 *	if (form_is(content_type) && !form_read(arena, content_type, body, &form, err)) …
 *	model = form_text(form, STR("model"));
 *
 *	struct form_edit e = form_edit_new(arena, form);
 *	form_set(&e, STR("model"), STR("whisper-1"));
 *	if (form_is_edited(&e))
 *		form_pieces(&e, &pieces, &count, &content_type);
 *
 * What upstreams might read otherwise than we do is refused rather than guessed at: a boundary that
 * stands at the beginning of a line but ends no part, two names for one part, a field that is
 * encoded in base64 or quoted-printable. A name that occurs several times is a list; form_set makes
 * it a single field.
 *
 * Errors   ERR_BAD_REQUEST with what is wrong.
 * Owns     nothing: parts are views into the body, lists are in the arena.
 * Threads  pure.
 */
#ifndef BASE_FORM_H
#define BASE_FORM_H

#include "base/attr.h"
#include "base/str.h"

#define FORM_PARTS_MAX 128
#define FORM_HEAD_MAX 4096 /* bytes of one part's headers */
#define FORM_EDITS_MAX 8
#define FORM_BOUNDARY_MAX 70

struct arena;
struct err;

struct form_part {
	struct str name;
	struct str whole; /* headers, blank line and body */
	struct str body;
	bool is_file; /* it has a filename */
};

struct form {
	struct str body, boundary, content_type;
	struct form_part *parts;
	size_t count;
};

/* Does this Content-Type announce a form? */
bool form_is(struct str content_type);
MUST_USE bool form_read(struct arena *a, struct str content_type, struct str body,
    const struct form **out, struct err *err);

/* The last field of that name that is no file, as the decoders behind us read it; NULL when there
 * is none. */
const struct form_part *form_field(const struct form *f, struct str name);
/* Its text; "" when there is none. */
struct str form_text(const struct form *f, struct str name);
/* How many files have that name, or that name followed by "[]"; their sizes are added to *bytes. */
size_t form_files(const struct form *f, struct str name, int64_t *bytes);
const struct form_part *form_file(const struct form *f, struct str name);

/* ---- rewriting ------------------------------------------------------------------------ */

struct form_edit {
	struct arena *arena;
	const struct form *form;
	struct {
		struct str name, value;
		bool dropped;
	} fields[FORM_EDITS_MAX];
	size_t n;
};

struct form_edit form_edit_new(struct arena *a, const struct form *f);
/* One field of that name with that value, and no other; a change only if it is not so already. name
 * is ours: plain ASCII without quotes. */
void form_set(struct form_edit *e, struct str name, struct str value);
/* No field of that name. */
void form_drop(struct form_edit *e, struct str name);
bool form_is_edited(const struct form_edit *e);
/* The whole form as a list of views in order, and its Content-Type: the client's, or one with a
 * fresh boundary when a new value holds the old one. */
void form_pieces(const struct form_edit *e, struct str **pieces, size_t *count,
    struct str *content_type);

#endif
