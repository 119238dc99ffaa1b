#include "job_start.h"

#include "balance.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "store/channel.h"

#define PAGE 1000

static bool is_wanted(const struct job *j, const struct channel *c)
{
	if (str_eq_c(j->kind, JOB_BALANCE))
		return c->status == CHANNEL_ENABLED && balance_is_known(c->type);
	return str_eq_c(j->scope, "all") || c->status == CHANNEL_DISABLED ||
	    c->status == CHANNEL_AUTO_DISABLED;
}

struct ids {
	int64_t *items;
	size_t count, cap;
};

static void add_id(struct arena *a, struct ids *ids, int64_t id)
{
	if (ids->count == ids->cap) {
		int64_t *old = ids->items;

		ids->cap = ids->cap ? 2 * ids->cap : 64;
		ids->items = arena_alloc(a, ids->cap * sizeof *ids->items);
		for (size_t i = 0; i < ids->count; i++)
			ids->items[i] = old[i];
	}
	ids->items[ids->count++] = id;
}

static bool find(struct db *db, struct arena *a, const struct job *j, struct ids *ids,
    struct err *err)
{
	struct arena *rows_arena = arena_new(4096);
	struct channel_list rows;
	int64_t offset = 0;
	bool ok;

	do {
		struct arena_mark mark = arena_mark(rows_arena);

		ok = channel_page(db, rows_arena, offset, PAGE, &rows, err);
		for (size_t i = 0; ok && i < rows.count; i++) {
			if (is_wanted(j, &rows.items[i]))
				add_id(a, ids, rows.items[i].id);
		}
		offset += PAGE;
		arena_rewind(rows_arena, mark);
	} while (ok && rows.count == PAGE);
	arena_free(rows_arena);
	return ok;
}

bool job_start_for(struct db *db, struct job *j, bool *started, struct err *err)
{
	struct arena *a = arena_new(4096);
	struct ids ids = { 0 };
	bool ok = find(db, a, j, &ids, err) && job_start(db, j, ids.items, ids.count, started, err);

	arena_free(a);
	return ok;
}

bool job_start_timed(struct db *db, const char *kind, struct err *err)
{
	struct job j = { .kind = str_c(kind), .scope = STR("all"), .origin = STR("timer") };
	bool started;

	if (!job_start_for(db, &j, &started, err))
		return false;
	if (started)
		log_info(NULL, "job.started", LOG_TEXT("kind", kind), LOG_INT("job", j.id));
	return true;
}
