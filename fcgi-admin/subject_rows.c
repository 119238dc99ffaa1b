#include "subject_rows.h"

#include "base/arena.h"
#include "base/json.h"

/* Texts of a row with several objects end here; one object may be larger, but fits. */
#define ROW_MAX ((size_t)32 * 1024)
#define TEXT_MAX ((size_t)128 * 1024)

void subject_rows_init(struct subject_rows *t, struct arena *a, subject_row_fn *fn, void *arg)
{
	*t = (struct subject_rows){
		.arena = a,
		.fn = fn,
		.arg = arg,
		.ids = buf_init(TEXT_MAX),
		.before = buf_init(TEXT_MAX),
		.after = buf_init(TEXT_MAX),
	};
}

void subject_rows_release(struct subject_rows *t)
{
	buf_release(&t->ids);
	buf_release(&t->before);
	buf_release(&t->after);
}

/* Each object stands there as "id":object; of one alone the name goes. */
static struct str finished(const struct subject_rows *t, const struct buf *b, size_t name_bytes)
{
	struct str text = buf_str(b);

	if (text.n == 0 || t->objects == 1)
		return str_slice(text, name_bytes, text.n);
	return str_c(arena_fmt(t->arena, "{%.*s}", STR_ARG(text)));
}

static size_t name_bytes(const struct subject_rows *t)
{
	struct buf name = buf_init(TEXT_MAX);
	size_t n;

	json_add_str(&name, buf_str(&t->ids));
	n = name.len + 1;
	buf_release(&name);
	return n;
}

static bool hand_on(struct subject_rows *t, struct err *err)
{
	size_t name = name_bytes(t);
	const struct audit_entry e = {
		.subject_id = buf_str(&t->ids),
		.before = finished(t, &t->before, name),
		.after = finished(t, &t->after, name),
	};

	if (!t->fn(t->arg, t->count++, &e, err))
		return false;
	t->objects = 0;
	buf_clear(&t->ids);
	buf_clear(&t->before);
	buf_clear(&t->after);
	return true;
}

static void add_member(struct buf *b, struct str id, struct str object)
{
	if (object.n == 0)
		return;
	if (b->len)
		buf_add_char(b, ',');
	json_add_str(b, id);
	buf_add_char(b, ':');
	buf_add(b, object);
}

static bool fits(const struct subject_rows *t, struct str before, struct str after)
{
	return t->objects < SUBJECT_OBJECTS_MAX && t->before.len + before.n <= ROW_MAX &&
	    t->after.len + after.n <= ROW_MAX;
}

bool subject_rows_add(struct subject_rows *t, struct str id, struct str before, struct str after,
    struct err *err)
{
	if (t->objects && !fits(t, before, after) && !hand_on(t, err))
		return false;
	if (t->objects++)
		buf_add_char(&t->ids, ',');
	buf_add(&t->ids, id);
	add_member(&t->before, id, before);
	add_member(&t->after, id, after);
	return true;
}

bool subject_rows_end(struct subject_rows *t, struct err *err)
{
	return (t->objects == 0 && t->count > 0) || hand_on(t, err);
}
