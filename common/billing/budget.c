#include "billing/budget.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/db.h"

struct str budget_write(struct arena *a, const struct budget *list, size_t count)
{
	struct str text = { "", 0 };

	for (size_t i = 0; i < count; i++) {
		const struct budget *b = &list[i];

		text =
		    str_c(arena_fmt(a, "%.*s%.*s %.*s %" PRId64 " %" PRId64 " %" PRId64 " %.*s\n",
		        STR_ARG(text), STR_ARG(b->scope), STR_ARG(b->period), b->start, b->next,
		        b->most, STR_ARG(b->subject)));
	}
	return text;
}

static bool take_int(struct str *line, int64_t *out)
{
	struct str word;

	return str_next(line, ' ', &word) && str_to_int(word, INT64_MIN, INT64_MAX, out);
}

/* The subject is the rest of the line: a group's name may have blanks. */
static bool next_budget(struct str *text, struct budget *out)
{
	struct str line;

	if (!str_next(text, '\n', &line) || line.n == 0)
		return false;
	if (!str_next(&line, ' ', &out->scope) || !str_next(&line, ' ', &out->period) ||
	    !take_int(&line, &out->start) || !take_int(&line, &out->next) ||
	    !take_int(&line, &out->most))
		return false;
	out->subject = line;
	return true;
}

/* The period's row, empty, in place of those of earlier periods that nobody counts in any more. */
static bool make_row(struct db *db, const struct budget *b, struct err *err)
{
	static const char exists_sql[] =
	    "SELECT COUNT(*) FROM budget_sums "
	    "WHERE scope = ? AND subject = ? AND period = ? AND start = ?";
	static const char clear_sql[] =
	    "DELETE FROM budget_sums WHERE scope = ? AND subject = ? AND period = ? "
	    "AND start < ? AND reserved = 0";
	static const char insert_sql[] =
	    "INSERT INTO budget_sums (scope, subject, period, start) VALUES (?, ?, ?, ?)";
	struct value name[] = { v_text(b->scope), v_text(b->subject), v_text(b->period),
		v_int(b->start) };
	struct rows rows;
	int64_t count = 0;

	if (!db_query(db, exists_sql, name, COUNT_OF(name), &rows, err) ||
	    !rows_number(&rows, &count, err))
		return false;
	return count > 0 ||
	    (db_run(db, clear_sql, name, COUNT_OF(name), NULL, err) &&
	        db_run(db, insert_sql, name, COUNT_OF(name), NULL, err));
}

static bool add(struct db *db, const struct budget *b, int64_t reserved, int64_t spent,
    struct err *err)
{
	static const char sql[] =
	    "UPDATE budget_sums SET reserved = reserved + ?, spent = spent + ? "
	    "WHERE scope = ? AND subject = ? AND period = ? AND start = ?";

	return db_run(db, sql,
	    BIND(v_int(reserved), v_int(spent), v_text(b->scope), v_text(b->subject),
	        v_text(b->period), v_int(b->start)),
	    NULL, err);
}

static bool refuse(const struct budget *b, struct err *err)
{
	int64_t wait_s = b->next - clock_unix();

	err_set(err, ERR_RATE_LIMIT,
	    "the budget of this %.*s for this %.*s is used up (%" PRId64 " quota)",
	    STR_ARG(b->scope), STR_ARG(b->period), b->most);
	snprintf(err->type, sizeof(err->type), "insufficient_quota");
	snprintf(err->code, sizeof(err->code), "budget_exceeded");
	err->retry_after_s = wait_s > 0 ? (int)wait_s : 1;
	return false;
}

static bool take_one(struct db *db, const struct budget *b, int64_t amount, struct err *err)
{
	/* A request that costs nothing is let in until the budget is used up, not beyond. */
	static const char sql[] = "UPDATE budget_sums SET reserved = reserved + ? "
	                          "WHERE scope = ? AND subject = ? AND period = ? AND start = ? "
	                          "AND spent + reserved + ? <= ? AND spent + reserved < ?";
	int64_t changed;

	if (!make_row(db, b, err) ||
	    !db_run(db, sql,
	        BIND(v_int(amount), v_text(b->scope), v_text(b->subject), v_text(b->period),
	            v_int(b->start), v_int(amount), v_int(b->most), v_int(b->most)),
	        &changed, err))
		return false;
	return changed == 1 || refuse(b, err);
}

bool budget_take(struct db *db, struct str text, int64_t amount, struct err *err)
{
	struct str rest = text;
	struct budget b;
	struct err undo = { 0 };
	size_t done = 0;

	for (; next_budget(&rest, &b); done++) {
		if (take_one(db, &b, amount, err))
			continue;
		for (rest = text; done > 0 && next_budget(&rest, &b); done--) {
			if (!add(db, &b, -amount, 0, &undo)) {
				*err = undo; /* ERR_STORE: the whole transaction is void */
				break;
			}
		}
		return false;
	}
	return true;
}

bool budget_untake(struct db *db, struct str text, int64_t amount, struct err *err)
{
	return budget_settle(db, text, amount, 0, err);
}

bool budget_settle(struct db *db, struct str text, int64_t held, int64_t cost, struct err *err)
{
	struct budget b;

	while (next_budget(&text, &b)) {
		if (!add(db, &b, -held, cost, err))
			return false;
	}
	return true;
}
