#include "billing/budget.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/db.h"

/* The longest period, and a day. */
#define LONG_OVER_S (32 * 86400)

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

static bool is_channels(const struct budget *b)
{
	return str_eq_c(b->scope, "channel");
}

/* Addresses come and never come again: with each new row some go whose periods are long over. */
static bool tidy_addresses(struct db *db, const struct budget *b, struct err *err)
{
	static const char sql[] =
	    "DELETE FROM budget_sums WHERE (scope, subject, period, start) IN "
	    "(SELECT scope, subject, period, start FROM budget_sums "
	    "WHERE scope = 'address' AND start < ? AND reserved = 0 LIMIT 8)";

	return !str_eq_c(b->scope, "address") ||
	    db_run(db, sql, BIND(v_int(b->start - LONG_OVER_S)), NULL, err);
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
	int64_t count = 0;

	if (!db_number(db, exists_sql, name, COUNT_OF(name), &count, err))
		return false;
	return count > 0 ||
	    (db_run(db, clear_sql, name, COUNT_OF(name), NULL, err) && tidy_addresses(db, b, err) &&
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

	if (is_channels(b))
		err_set(err, ERR_RATE_LIMIT,
		    "the channels for this model have used up their budget for this %.*s",
		    STR_ARG(b->period));
	else
		err_set(err, ERR_RATE_LIMIT,
		    "the budget of this %.*s for this %.*s is used up (%" PRId64 " quota)",
		    STR_ARG(b->scope), STR_ARG(b->period), b->most);
	snprintf(err->type, sizeof(err->type), "insufficient_quota");
	snprintf(err->code, sizeof(err->code), "%s",
	    is_channels(b) ? BUDGET_OF_CHANNEL : "budget_exceeded");
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

/* Which of a text's budgets a function is about, and whose consent it asks. */
enum which { ALL, ALL_BUT_CHANNELS, CHANNELS };

static bool is_meant(const struct budget *b, enum which which)
{
	return which != CHANNELS || is_channels(b);
}

/* Holds more, or less, of those that are meant, asking nobody; of the first `count` of the text. */
static bool shift(struct db *db, struct str text, enum which which, int64_t amount, size_t count,
    struct err *err)
{
	struct budget b;

	for (; count > 0 && next_budget(&text, &b); count--) {
		if (is_meant(&b, which) && !add(db, &b, amount, 0, err))
			return false;
	}
	return true;
}

static bool hold_one(struct db *db, const struct budget *b, enum which asked, int64_t amount,
    struct err *err)
{
	if (asked == ALL_BUT_CHANNELS && is_channels(b))
		return make_row(db, b, err) && add(db, b, amount, 0, err);
	return take_one(db, b, amount, err);
}

static bool hold_all(struct db *db, struct str text, enum which which, int64_t amount,
    struct err *err)
{
	struct str rest = text;
	struct budget b;
	struct err undo = { 0 };

	for (size_t done = 0; next_budget(&rest, &b); done++) {
		if (!is_meant(&b, which) || hold_one(db, &b, which, amount, err))
			continue;
		if (!shift(db, text, which, -amount, done, &undo))
			*err = undo; /* ERR_STORE: the whole transaction is void */
		return false;
	}
	return true;
}

bool budget_take(struct db *db, struct str text, int64_t amount, struct err *err)
{
	return hold_all(db, text, ALL, amount, err);
}

bool budget_take_more(struct db *db, struct str text, int64_t amount, struct err *err)
{
	return hold_all(db, text, ALL_BUT_CHANNELS, amount, err);
}

bool budget_move(struct db *db, struct str from, struct str to, int64_t amount, struct err *err)
{
	struct err undo = { 0 };

	if (!shift(db, from, CHANNELS, -amount, BUDGETS_MAX, err))
		return false;
	if (hold_all(db, to, CHANNELS, amount, err))
		return true;
	if (!shift(db, from, CHANNELS, amount, BUDGETS_MAX, &undo))
		*err = undo;
	return false;
}

bool budget_unmove(struct db *db, struct str from, struct str to, int64_t amount, struct err *err)
{
	return shift(db, to, CHANNELS, -amount, BUDGETS_MAX, err) &&
	    shift(db, from, CHANNELS, amount, BUDGETS_MAX, err);
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
