/* logrow.h — table logs: what was consumed, topped up, managed, tested
 *
 * The row of a charge is inserted by billing/quota.c within the settlement; all others come
 * through logrow_insert. Order is by id, newest first; where the filter names times and neither user,
 * model, key nor channel, also not to leave out, by time and then id, which differ only among rows of
 * nearly the same moment. Ids follow time to within the life of a request; a day of slack is what a
 * search by both allows for.
 *
 * Sums and clean-up are logstats.h's.
 */
#ifndef STORE_LOGROW_H
#define STORE_LOGROW_H

#include "store/db.h"

struct arena;

enum log_type {
	LOG_TYPE_ALL = 0,
	LOG_TYPE_TOPUP = 1,
	LOG_TYPE_CONSUME = 2,
	LOG_TYPE_MANAGE = 3,
	LOG_TYPE_SYSTEM = 4,
	LOG_TYPE_TEST = 5,
	LOG_TYPE_ERROR = 6,
};

/* How a consumption ended. */
enum log_finish { FINISH_COMPLETE = 0, FINISH_ABORTED = 1, FINISH_ESTIMATED = 2, FINISH_SWEPT = 3 };

struct logrow {
	int64_t id, user_id, created_at;
	int type;
	struct str content, username, token_name, model_name;
	int64_t quota, prompt_tokens, completion_tokens;
	int64_t channel; /* column channel_id */
	struct str request_id;
	int64_t elapsed_time; /* ms */
	bool is_stream, system_prompt_reset;
	/* ours */
	int64_t token_id;
	struct str origin_model;
	int64_t cached_tokens;
	int attempts;
	int64_t first_byte_ms;
	int upstream_status;
	int finish;
	int64_t model_ratio, completion_ratio, group_ratio; /* millionths */
};

/* A row that is kept: its texts are copied to text + *used (str_put), where it needs that much
 * room. */
size_t logrow_bytes(const struct logrow *row);
struct logrow logrow_copy(const struct logrow *row, char *text, size_t *used);

struct log_filter { /* 0 and "" = any */
	int type;
	int64_t user_id;
	/* Of the account that has this user name now; rows under a name that nobody has any more
	 * are found too. */
	struct str username;
	struct str token_name, model_name;
	int64_t channel;
	int64_t from, to; /* created_at, inclusive */
	/* Rows that come after the one with this id and time in the order of a page: where the next
	 * page begins, found without counting through those before. */
	int64_t after_id, after_time;
	struct { /* rows that are left out; 0 and "" = none */
		struct str username, token_name, model_name;
		int64_t channel;
	} without;
};

struct log_list {
	struct logrow *items;
	size_t count;
};

MUST_USE bool logrow_insert(struct db *db, const struct logrow *row, struct err *err);
MUST_USE bool logrow_page(struct db *db, struct arena *a, const struct log_filter *f,
    int64_t offset, int64_t limit, struct log_list *out, struct err *err);
/* Number: rows of that type; text: prefix of content, model or token name, among the newest
 * 100,000 rows. user_id 0 = all. */
MUST_USE bool logrow_search(struct db *db, struct arena *a, struct str keyword, int64_t user_id,
    int64_t limit, struct log_list *out, struct err *err);
/* Rows that the filter finds, counted up to `most`; -1: more than that, or it would take reading too
 * much of the table. */
MUST_USE bool logrow_count(struct db *db, const struct log_filter *f, int64_t most, int64_t *count,
    struct err *err);

/* The statements of pages and counts, for a test that looks at their plans. */
const char *const *logrow_statements(size_t *count);

/* ---- for logstats.c: the part of a filter that is checked on a row --------------------------- */

/* Which rows: each gets two values, and 0 or "" lets all through. What is left out is one term: with
 * more of them SQLite expects so few rows that it would rather sort them than follow the index. */
#define LOG_REST                                                                                   \
	"(? = 0 OR type = ?) AND (? = '' OR username = ?) AND (? = '' OR token_name = ?) "         \
	"AND (? = '' OR model_name = ?) AND (? = 0 OR channel_id = ?) "                            \
	"AND NOT ((? <> '' AND username = ?) OR (? <> '' AND token_name = ?) "                     \
	"OR (? <> '' AND model_name = ?) OR (? <> 0 AND channel_id = ?)) "                         \
	"AND created_at >= ? AND created_at <= ? "
#define LOG_REST_COUNT 20

void log_bind_rest(const struct log_filter *f, int type, struct value v[LOG_REST_COUNT]);
/* A user name has no index of its own: it is the account's of that name, when there is one. */
MUST_USE bool log_user_of(struct db *db, const struct log_filter *f, int64_t *user_id,
    struct err *err);

#endif
