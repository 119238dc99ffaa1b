#include "body.h"

#include "base/err.h"
#include "message.h"
#include "phrases.h"

/* No JSON that is merely mistyped, but what only somebody who tries us sends. */
static bool is_hostile(struct str body)
{
	size_t depth = 0;

	if (!str_is_utf8(body))
		return true;
	/* What brackets in texts add does not matter: the whole is not well-formed anyway. */
	for (size_t i = 0; i < body.n && depth <= JSON_MAX_DEPTH; i++) {
		if (body.p[i] == '{' || body.p[i] == '[')
			depth++;
		else if ((body.p[i] == '}' || body.p[i] == ']') && depth > 0)
			depth--;
	}
	return depth > JSON_MAX_DEPTH;
}

bool body_tree(struct req *r, cJSON **tree, struct err *err)
{
	struct err parse = { 0 };
	bool decoded = json_parse(r->arena, r->body, tree, &parse);

	if (decoded && cJSON_IsObject(*tree))
		return true;
	message_fail(r, err, MSG_E01);
	if (!decoded && is_hostile(r->body))
		err->status = 400;
	return false;
}

bool body_read(struct req *r, const struct field *fields, void *object, uint64_t *seen,
    struct err *err)
{
	struct err wrong = { 0 };
	cJSON *tree;

	if (!body_tree(r, &tree, err))
		return false;
	if (!field_read(fields, tree, r->arena, object, seen, &wrong))
		return phrase_fail(r, err, &wrong);
	return true;
}

bool body_path_id(const struct req *r, int64_t *id, struct err *err)
{
	if (!str_to_int(r->params[0], 1, INT64_MAX, id))
		return message_fail(r, err, MSG_E01);
	return true;
}

struct str body_list(struct arena *a, struct str list)
{
	char *text = arena_alloc(a, list.n + 1);
	struct str item;
	size_t n = 0;

	while (str_next(&list, ',', &item)) {
		item = str_trim(item);
		if (item.n == 0)
			continue;
		if (n > 0)
			text[n++] = ',';
		for (size_t i = 0; i < item.n; i++)
			text[n++] = item.p[i];
	}
	text[n] = '\0';
	return (struct str){ text, n };
}
