/* fuzz_json.c — JSON trees, and text that is escaped, from anybody
 *
 * What is parsed prints as well-formed JSON that parses to the same; both readers find the same
 * members; any bytes at all can be written as a string and come back as UTF-8 without NUL. */
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

/* The tree and the text tell the same. */
static void compare(struct arena *a, const cJSON *tree, struct jval v)
{
	struct jiter it = jscan_iter(v);
	const cJSON *child = tree->child;
	struct jval inner;
	struct str name;

	demand(cJSON_IsObject(tree) == (v.type == J_OBJECT));
	demand(cJSON_IsArray(tree) == (v.type == J_ARRAY));
	demand(cJSON_IsString(tree) == (v.type == J_STRING));
	demand(cJSON_IsNumber(tree) == (v.type == J_NUMBER));
	demand(cJSON_IsTrue(tree) == jscan_true(v));
	if (v.type == J_STRING)
		demand(str_eq_c(jscan_text(a, v), tree->valuestring));
	while (v.type == J_OBJECT ? jscan_next_member(&it, &name, &inner)
	                          : jscan_next_item(&it, &inner)) {
		demand(child != NULL);
		if (v.type == J_OBJECT)
			demand(jscan_name_is(name, str_c(child->string)));
		compare(a, child, inner);
		child = child->next;
	}
	demand(child == NULL);
}

static void print_and_parse(struct arena *a, const cJSON *tree)
{
	struct str printed = json_print(a, tree);
	struct err err = { .kind = ERR_NONE };
	cJSON *again;

	demand(json_parse(a, printed, &again, &err));
	demand(str_eq(json_print(a, again), printed));
}

static void write_as_string(struct arena *a, struct str text)
{
	struct err err = { .kind = ERR_NONE };
	struct buf b = buf_init(SIZE_MAX);
	struct jval v;
	struct str back;

	json_add_str(&b, text);
	demand(jscan_check(buf_str(&b), 0, &v, &err) && v.type == J_STRING);
	back = jscan_text(a, v);
	if (str_is_utf8(text) && str_find(text, '\0') == text.n)
		demand(str_eq(back, text));
	else
		demand(str_has(back, STR("\xef\xbf\xbd")));
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct err err = { .kind = ERR_NONE };
	struct arena *a = arena_new(4096);
	struct jval root;
	cJSON *tree;

	if (json_parse(a, text, &tree, &err)) {
		demand(jscan_check(text, JSON_MAX_DEPTH, &root, &err));
		compare(a, tree, root);
		print_and_parse(a, tree);
		json_int_at(tree, "a.0.b", 0);
	} else {
		demand(err.kind == ERR_INVALID_JSON);
	}
	write_as_string(a, text);
	arena_free(a);
	return 0;
}
