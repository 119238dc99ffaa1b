/* quota_sums.c — what a group of settlements moves, added up
 *
 * Giving back and charging are plain additions, so their order does not matter and those of one
 * transaction are added up before they are written.
 */
#include "base/clock.h"
#include "base/mem.h"

#include "billing/quota_parts.h"

struct quota_sums *quota_sums_new(size_t settlements)
{
	struct quota_sums *s = MEM_NEW(struct quota_sums);
	size_t slots = SUMS_SMALL;

	while (slots * 3 / 4 < settlements * SUMS_PER_SETTLEMENT)
		slots *= 2;
	s->mask = slots - 1;
	s->slots = mem_zalloc(slots * sizeof(*s->slots));
	s->filled = mem_zalloc(slots * sizeof(*s->filled));
	return s;
}

void quota_sums_free(struct quota_sums *s)
{
	if (!s)
		return;
	mem_free(s->slots);
	mem_free(s->filled);
	mem_free(s);
}

struct quota_sums *quota_sums_small(struct small_sums *s)
{
	*s = (struct small_sums){ .sums.mask = SUMS_SMALL - 1 };
	s->sums.slots = s->slots;
	s->sums.filled = s->filled;
	return &s->sums;
}

void quota_sums_drop(struct quota_sums *s)
{
	for (size_t i = 0; i < s->count; i++)
		s->slots[s->filled[i]] = (struct sum){ 0 };
	s->count = 0;
}

void quota_sums_add(struct quota_sums *s, enum sum_kind kind, int64_t id, int64_t balance,
    int64_t used, int64_t requests)
{
	uint64_t hash = ((uint64_t)id * 4 + (uint64_t)kind) * UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (size_t)(hash >> 32) & s->mask;
	struct sum *sum;

	if (id == 0)
		return;
	while (s->slots[i].kind != SUM_FREE && (s->slots[i].kind != kind || s->slots[i].id != id))
		i = (i + 1) & s->mask;
	sum = &s->slots[i];
	if (sum->kind == SUM_FREE) {
		sum->kind = kind;
		sum->id = id;
		s->filled[s->count++] = (uint32_t)i;
	}
	sum->balance += balance;
	sum->used += used;
	sum->requests += requests;
}

bool quota_sums_make_room(struct db *db, struct quota_sums *s, struct err *err)
{
	if (s->count + SUMS_PER_SETTLEMENT <= (s->mask + 1) * 3 / 4)
		return true;
	return quota_sums_flush(db, s, err);
}

static bool user_add(struct db *db, const struct sum *sum, struct err *err)
{
	static const char sql[] =
	    "UPDATE users SET quota = quota + ?, used_quota = used_quota + ?, "
	    "request_count = request_count + ? WHERE id = ?";

	return db_run(db, sql,
	    BIND(v_int(sum->balance), v_int(sum->used), v_int(sum->requests), v_int(sum->id)), NULL,
	    err);
}

static bool token_add(struct db *db, const struct sum *sum, struct err *err)
{
	static const char sql[] =
	    "UPDATE tokens SET remain_quota = "
	    "CASE unlimited_quota WHEN 0 THEN remain_quota + ? ELSE remain_quota END, "
	    "used_quota = used_quota + ?, "
	    "accessed_time = CASE WHEN ? > 0 THEN ? ELSE accessed_time END WHERE id = ?";

	return db_run(db, sql,
	    BIND(v_int(sum->balance), v_int(sum->used), v_int(sum->requests), v_int(clock_unix()),
	        v_int(sum->id)),
	    NULL, err);
}

static bool channel_add(struct db *db, const struct sum *sum, struct err *err)
{
	static const char sql[] = "UPDATE channels SET used_quota = used_quota + ? WHERE id = ?";

	return sum->used == 0 || db_run(db, sql, BIND(v_int(sum->used), v_int(sum->id)), NULL, err);
}

bool quota_sums_flush(struct db *db, struct quota_sums *s, struct err *err)
{
	static bool (*const write[])(struct db *, const struct sum *, struct err *) = {
		[SUM_USER] = user_add,
		[SUM_TOKEN] = token_add,
		[SUM_CHANNEL] = channel_add,
	};

	for (size_t i = 0; i < s->count; i++) {
		const struct sum *sum = &s->slots[s->filled[i]];

		if (!write[sum->kind](db, sum, err))
			return false;
	}
	quota_sums_drop(s);
	return true;
}
