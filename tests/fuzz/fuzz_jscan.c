/* fuzz_jscan.c — JSON as text, from anybody
 *
 * Whatever comes: no byte outside the text is read, every view lies inside it, walking ends. What
 * passes the check is walked whole, and stays well-formed when it is edited. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/jscan.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void demand_inside(struct str outer, struct str inner)
{
	demand(inner.p >= outer.p && inner.n <= outer.n &&
	    inner.p - outer.p <= (ptrdiff_t)(outer.n - inner.n));
}

static void use_scalar(struct arena *a, struct jval v, bool is_checked)
{
	struct str text = jscan_text(a, v);
	double d;
	int64_t n;

	demand(memchr(text.p, '\0', text.n) == NULL);
	demand(!is_checked || str_is_utf8(text));
	demand(v.type != J_STRING || jscan_is(v, text));
	if (jscan_int(v, INT64_MIN / 1024, INT64_MAX / 1024, &n) && jscan_double(v, &d))
		demand((double)n == d);
}

/* Every value, to the depth that the check allows. */
static void walk(struct arena *a, struct jval v, bool is_checked, int depth)
{
	struct jiter it = jscan_iter(v);
	struct jval inner;
	struct str name;
	size_t count = 0;

	use_scalar(a, v, is_checked);
	if (depth == 0)
		return;
	while (v.type == J_OBJECT ? jscan_next_member(&it, &name, &inner)
	                          : jscan_next_item(&it, &inner)) {
		demand_inside(v.text, inner.text);
		if (v.type == J_OBJECT)
			demand_inside(v.text, name);
		walk(a, inner, is_checked, depth - 1);
		count++;
	}
	demand(count == jscan_count(v));
	/* Nothing of checked text is passed over. */
	demand(!is_checked || it.p == it.end);
}

static struct jval checked_again(struct buf *text)
{
	struct err err = { .kind = ERR_NONE };
	struct jval root;

	demand(jscan_check(buf_str(text), JSON_MAX_DEPTH, &root, &err));
	return root;
}

static void edit(struct arena *a, struct jval root)
{
	struct jedit e = jedit_new(a, root);
	struct buf out = buf_init(SIZE_MAX);
	struct jval v, again;

	if (root.type == J_ARRAY)
		jedit_prepend(&e, root, STR("7"));
	if (root.type == J_OBJECT) {
		jedit_drop(&e, root, STR("c"));
		jedit_set(&e, root, STR("a"), STR("7"));
		jedit_drop(&e, root, STR("d"));
		jedit_set(&e, root, STR("new"), STR("8"));
		if (jscan_member(root, STR("b"), &v) && v.type == J_OBJECT)
			jedit_set(&e, v, STR("a"), STR("9"));
	}
	jedit_apply(&e, &out);
	if (buf_ok(&out)) {
		again = checked_again(&out);
		demand(root.type != J_OBJECT ||
		    (jscan_at(again, "a", &v) && str_eq(v.text, STR("7"))));
		demand(!jscan_member(again, STR("c"), &v) && !jscan_member(again, STR("d"), &v));
		demand(root.type != J_ARRAY || jscan_count(again) == jscan_count(root) + 1);
	}
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct err err = { .kind = ERR_NONE };
	struct arena *a = arena_new(4096);
	struct jval root, first;

	if (jscan_value(text, &first)) {
		demand_inside(text, first.text);
		walk(a, first, false, JSON_MAX_DEPTH);
	}
	if (jscan_check(text, JSON_MAX_DEPTH, &root, &err)) {
		demand(str_is_utf8(text));
		demand(jscan_value(text, &first));
		demand(first.type == root.type && first.text.p == root.text.p &&
		    first.text.n == root.text.n);
		walk(a, root, true, JSON_MAX_DEPTH);
		edit(a, root);
	} else {
		demand(err.kind == ERR_INVALID_JSON);
	}
	arena_free(a);
	return 0;
}
