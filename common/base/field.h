/* field.h — one description of a struct, for JSON and for SQL
 *
 *	static const struct field user_fields[] = {
 *		FIELD(struct user, id, FIELD_READONLY),
 *		FIELD(struct user, username, 0),
 *		{ 0 },
 *	};
 *
 * FIELD takes the name from the member and the kind from its type; a type that is not listed does
 * not compile. FIELD_AS gives another name on the wire.
 *
 * Reading from JSON writes a member of the struct only when it is present in the JSON, and reports
 * which ones were: bit i of *seen is field i. A wrong type is ERR_BAD_REQUEST naming the field;
 * null leaves the member alone and counts as absent. Member names match without case, as one-api's
 * decoder does, and of equal ones the last counts. Whole numbers are taken up to 2^53 - 1, beyond
 * which cJSON would give us another one. A table has at most 64 rows.
 *
 * Threads  pure.
 */
#ifndef BASE_FIELD_H
#define BASE_FIELD_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"

struct arena;
struct err;

enum field_kind { FIELD_INT64 = 1, FIELD_INT, FIELD_BOOL, FIELD_DOUBLE, FIELD_STR };

enum {
	FIELD_READONLY = 1, /* never taken from JSON */
	FIELD_SECRET = 2,   /* never written to JSON: "" instead */
	FIELD_REQUIRED = 4, /* must be present in JSON and, if text, not empty */
	FIELD_HIDDEN = 8,   /* not in JSON at all */
};

struct field {
	const char *name;
	enum field_kind kind;
	unsigned flags;
	size_t offset;
};

/* clang-format off */
#define FIELD_KIND(type, member) _Generic(((type *)0)->member, \
	int64_t: FIELD_INT64, int: FIELD_INT, bool: FIELD_BOOL, double: FIELD_DOUBLE, \
	struct str: FIELD_STR)
#define FIELD_AS(type, member, wire_name, flags) \
	{ (wire_name), FIELD_KIND(type, member), (flags), offsetof(type, member) }
#define FIELD(type, member, flags) FIELD_AS(type, member, #member, flags)
/* clang-format on */

/* Fills *object from the members of tree; text is copied into the arena. seen may be NULL. On false
 * some members may have been written; err->param names the field. */
MUST_USE bool field_read(const struct field *fields, const cJSON *tree, struct arena *a,
    void *object, uint64_t *seen, struct err *err);
/* Appends `{"id":1,…}`. */
void field_write(const struct field *fields, const void *object, struct buf *out);
/* The bit of a field in *seen, 0 when there is no such field. */
uint64_t field_bit(const struct field *fields, const char *name);

/* Access by index for SQL: a pointer to the member. */
static inline void *field_ptr(const struct field *f, void *object)
{
	return (char *)object + f->offset;
}

#endif
