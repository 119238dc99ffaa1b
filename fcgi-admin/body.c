#include "body.h"

#include "base/err.h"
#include "message.h"

bool body_tree(struct req *r, cJSON **tree, struct err *err)
{
	struct err parse = { 0 };

	if (!json_parse(r->arena, r->body, tree, &parse) || !cJSON_IsObject(*tree))
		return message_fail(r, err, MSG_E01);
	return true;
}

bool body_read(struct req *r, const struct field *fields, void *object, uint64_t *seen,
    struct err *err)
{
	struct err wrong = { 0 };
	cJSON *tree;

	if (!body_tree(r, &tree, err))
		return false;
	if (!field_read(fields, tree, r->arena, object, seen, &wrong))
		return message_fail_about(r, err, MSG_E01_FIELD, str_c(wrong.msg),
		    (struct str){ 0 });
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
