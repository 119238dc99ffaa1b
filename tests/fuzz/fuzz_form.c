/* fuzz_form.c — any bytes as a form: views stay inside the body, and what is rewritten reads back
 *
 * The first byte says how long the Content-Type is that follows; 0 is a plain one with boundary b.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/form.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_views(const struct form *f)
{
	const char *end = f->body.p + f->body.n;

	assert(f->count > 0 && f->count <= FORM_PARTS_MAX);
	for (size_t i = 0; i < f->count; i++) {
		const struct form_part *part = &f->parts[i];

		assert(part->name.n > 0);
		assert(part->whole.p >= f->body.p && part->whole.p + part->whole.n <= end);
		assert(part->body.p >= part->whole.p &&
		    part->body.p + part->body.n == part->whole.p + part->whole.n);
	}
}

static void rewrite(struct arena *a, const struct form *f, struct str value)
{
	struct form_edit e = form_edit_new(a, f);
	struct buf b = buf_init(1 << 24);
	const struct form *again = NULL;
	struct str *pieces, type, body;
	struct err err = { 0 };
	size_t n, others = 0;
	bool ok;

	form_set(&e, STR("model"), value);
	if (!form_is_edited(&e))
		return;
	form_pieces(&e, &pieces, &n, &type);
	for (size_t i = 0; i < n; i++)
		buf_add(&b, pieces[i]);
	body = arena_str(a, buf_str(&b));
	buf_release(&b);
	for (size_t i = 0; i < f->count; i++)
		others += !str_eq(f->parts[i].name, STR("model"));
	if (others == FORM_PARTS_MAX)
		return;
	ok = form_read(a, type, body, &again, &err);
	assert(ok && again->count == others + 1);
	assert(str_eq(form_text(again, STR("model")), value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = { (const char *)data, size }, type, body;
	struct arena *a;
	const struct form *f;
	struct err err = { 0 };

	if (size == 0)
		return 0;
	type = str_slice(all, 1, 1 + data[0] % 100);
	body = str_slice(all, 1 + type.n, size);
	if (type.n == 0)
		type = STR("multipart/form-data; boundary=b");
	a = arena_new(1024);
	if (form_is(type) && form_read(a, type, body, &f, &err)) {
		check_views(f);
		rewrite(a, f, STR("gpt-4o"));
		rewrite(a, f, str_c(arena_fmt(a, "--%.*s", STR_ARG(f->boundary))));
	}
	arena_free(a);
	return 0;
}
