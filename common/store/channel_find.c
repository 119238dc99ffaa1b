/* channel_find.c — a text for each column that a list may be ordered by: statements are prepared
 * once and found by the address of their text */
#include "store/channel_find.h"

#include "base/arena.h"

#define WHERE                                                                                      \
	" FROM channels WHERE (? = 0 OR type = ?) AND (? = 0 OR status = ?) AND (? = '' OR "       \
	"EXISTS (SELECT 1 FROM abilities WHERE channel_id = channels.id AND group_name = ?)) "     \
	"AND (? = '' OR "                                                                          \
	"EXISTS (SELECT 1 FROM abilities WHERE channel_id = channels.id AND model = ?))"
#define BY(order) "SELECT id" WHERE " ORDER BY " order " LIMIT ? OFFSET ?"
#define COLUMN(name)                                                                               \
	{                                                                                          \
#name, BY(#name ", id"), BY(#name " DESC, id DESC")                                \
	}

/* clang-format off */
static const struct order {
	const char *name, *up, *down;
} orders[] = {
	{ "id", BY("id"), BY("id DESC") },
	COLUMN(type), COLUMN(status), COLUMN(name), COLUMN(weight), COLUMN(priority),
	COLUMN(created_time), COLUMN(test_time), COLUMN(response_time), COLUMN(balance),
	COLUMN(balance_updated_time), COLUMN(used_quota),
};
/* clang-format on */

static const char *sql_for(const struct channel_filter *f)
{
	const struct order *o = &orders[0];

	for (size_t i = 0; i < COUNT_OF(orders); i++) {
		if (str_eq_c(f->sort, orders[i].name))
			o = &orders[i];
	}
	return f->ascending ? o->up : o->down;
}

#define FILTER_VALUES(f)                                                                           \
	v_int((f)->type), v_int((f)->type), v_int((f)->status), v_int((f)->status),                \
	    v_text((f)->group), v_text((f)->group), v_text((f)->model), v_text((f)->model)

static bool count_all(struct db *db, const struct channel_filter *f, int64_t *total,
    struct err *err)
{
	static const char sql[] = "SELECT COUNT(*)" WHERE;

	return db_number(db, sql, BIND(FILTER_VALUES(f)), total, err);
}

bool channel_find(struct db *db, struct arena *a, const struct channel_filter *f, int64_t **ids,
    size_t *count, int64_t *total, struct err *err)
{
	struct rows rows;

	*ids = arena_alloc(a, (size_t)f->limit * sizeof **ids);
	*count = 0;
	if (!count_all(db, f, total, err) ||
	    !db_query(db, sql_for(f), BIND(FILTER_VALUES(f), v_int(f->limit), v_int(f->offset)),
	        &rows, err))
		return false;
	while (*count < (size_t)f->limit && rows_next(&rows))
		(*ids)[(*count)++] = rows_int(&rows, 0);
	return rows_close(&rows, err);
}
