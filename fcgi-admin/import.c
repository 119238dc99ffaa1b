#include "import.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "import_rows.h"
#include "net/http.h"
#include "store/auditlog.h"
#include "store/channel.h"

/* ---- the views --------------------------------------------------------------------------------*/

enum kind { INT, REAL, TEXT, FLAG };

struct column {
	const char *name;
	enum kind kind;
	const char *fallback; /* SQL; NULL: 0 or '' */
	bool required;        /* a table without it is not one-api's */
};

struct table {
	const char *name;
	bool required;
	const struct column *columns;
};

/* clang-format off */
static const struct column user_columns[] = {
	{ "id", INT, NULL, true }, { "username", TEXT, NULL, true }, { "password", TEXT, NULL, true },
	{ "display_name", TEXT, NULL, false }, { "role", INT, "1", false }, { "status", INT, "1", false },
	{ "email", TEXT, NULL, false }, { "github_id", TEXT, NULL, false }, { "wechat_id", TEXT, NULL, false },
	{ "lark_id", TEXT, NULL, false }, { "oidc_id", TEXT, NULL, false }, { "access_token", TEXT, NULL, false },
	{ "quota", INT, NULL, false }, { "used_quota", INT, NULL, false }, { "request_count", INT, NULL, false },
	{ "group", TEXT, "'default'", false }, { "aff_code", TEXT, NULL, false }, { "inviter_id", INT, NULL, false },
	{ 0 },
};
static const struct column token_columns[] = {
	{ "id", INT, NULL, true }, { "user_id", INT, NULL, true }, { "key", TEXT, NULL, true },
	{ "status", INT, "1", false }, { "name", TEXT, NULL, false }, { "created_time", INT, NULL, false },
	{ "accessed_time", INT, NULL, false }, { "expired_time", INT, "-1", false },
	{ "remain_quota", INT, NULL, false }, { "unlimited_quota", FLAG, NULL, false },
	{ "used_quota", INT, NULL, false }, { "models", TEXT, NULL, false }, { "subnet", TEXT, NULL, false },
	{ 0 },
};
static const struct column channel_columns[] = {
	{ "id", INT, NULL, true }, { "type", INT, NULL, true }, { "key", TEXT, NULL, true },
	{ "status", INT, "1", false }, { "name", TEXT, NULL, false }, { "weight", INT, NULL, false },
	{ "priority", INT, NULL, false }, { "created_time", INT, NULL, false }, { "test_time", INT, NULL, false },
	{ "response_time", INT, NULL, false }, { "base_url", TEXT, NULL, false }, { "other", TEXT, NULL, false },
	{ "balance", REAL, NULL, false }, { "balance_updated_time", INT, NULL, false },
	{ "models", TEXT, NULL, false }, { "group", TEXT, "'default'", false }, { "used_quota", INT, NULL, false },
	{ "model_mapping", TEXT, NULL, false }, { "config", TEXT, NULL, false },
	{ "system_prompt", TEXT, NULL, false },
	{ 0 },
};
static const struct column code_columns[] = {
	{ "id", INT, NULL, true }, { "user_id", INT, NULL, false }, { "key", TEXT, NULL, true },
	{ "status", INT, "1", false }, { "name", TEXT, NULL, false }, { "quota", INT, "100", false },
	{ "created_time", INT, NULL, false }, { "redeemed_time", INT, NULL, false },
	{ 0 },
};
static const struct column option_columns[] = {
	{ "key", TEXT, NULL, true }, { "value", TEXT, NULL, true },
	{ 0 },
};
static const struct column log_columns[] = {
	{ "id", INT, NULL, true }, { "user_id", INT, NULL, false }, { "created_at", INT, NULL, true },
	{ "type", INT, NULL, false }, { "content", TEXT, NULL, false }, { "username", TEXT, NULL, false },
	{ "token_name", TEXT, NULL, false }, { "model_name", TEXT, NULL, false }, { "quota", INT, NULL, false },
	{ "prompt_tokens", INT, NULL, false }, { "completion_tokens", INT, NULL, false },
	{ "channel_id", INT, NULL, false }, { "request_id", TEXT, NULL, false },
	{ "elapsed_time", INT, NULL, false }, { "is_stream", FLAG, NULL, false },
	{ "system_prompt_reset", FLAG, NULL, false },
	{ 0 },
};

static const struct table tables[] = {
	{ "users", true, user_columns },
	{ "tokens", true, token_columns },
	{ "channels", true, channel_columns },
	{ "redemptions", false, code_columns },
	{ "options", false, option_columns },
	{ "logs", false, log_columns },
};
/* clang-format on */

/* What a column of theirs holds may be of any type: SQLite does not mind. */
static void add_column(struct buf *b, const struct column *c, bool present)
{
	static const char *const casts[] = { "INTEGER", "REAL", "TEXT", "INTEGER" };
	const char *fallback = c->fallback ? c->fallback : c->kind == TEXT ? "''" : "0";

	if (!present)
		buf_addf(b, "%s", fallback);
	else if (c->kind == FLAG)
		buf_addf(b, "COALESCE(\"%s\", 0) <> 0", c->name);
	else
		buf_addf(b, "CAST(COALESCE(\"%s\", %s) AS %s)", c->name, fallback, casts[c->kind]);
	buf_addf(b, " AS \"%s\"", c->name);
}

static bool make_view(struct import *im, const struct table *t, struct err *err)
{
	static const char names_sql[] =
	    "SELECT group_concat(name, ',') FROM pragma_table_info(?, 'theirs')";
	struct buf b = buf_init(16384);
	struct str names; /* "" when there is no such table */
	bool ok;

	if (!db_text(im->db, im->arena, names_sql, BIND(v_text(str_c(t->name))), &names, err))
		return false;
	if (names.n == 0 && t->required)
		return err_set(err, ERR_BAD_REQUEST, "no database of one-api: it has no table '%s'",
		    t->name);
	buf_addf(&b, "CREATE TEMP VIEW in_%s AS SELECT ", t->name);
	for (const struct column *c = t->columns; c->name; c++) {
		bool present = str_list_has(names, str_c(c->name));

		if (names.n && !present && c->required) {
			buf_release(&b);
			return err_set(err, ERR_BAD_REQUEST,
			    "no database of one-api: its table '%s' has no column '%s'", t->name,
			    c->name);
		}
		if (c != t->columns)
			buf_addf(&b, ", ");
		add_column(&b, c, present);
	}
	if (names.n)
		buf_addf(&b, " FROM theirs.%s", t->name);
	else
		buf_addf(&b, " WHERE 0");
	ok = db_script(im->db, buf_str(&b).p, err);
	buf_release(&b);
	return ok;
}

static bool open_theirs(struct import *im, const char *file, struct err *err)
{
	static const char sql[] = "ATTACH DATABASE ? AS theirs";
	struct buf uri = buf_init(PATH_MAX * 3 + 32);
	bool ok;

	if (access(file, R_OK) != 0)
		return err_set(err, ERR_BAD_REQUEST, "cannot read '%s': %s", file, strerror(errno));
	/* Else a file in WAL mode would be folded together when we close it. */
	buf_add(&uri, STR("file:"));
	url_encode(&uri, str_c(file));
	buf_add(&uri, STR("?mode=ro"));
	ok = buf_ok(&uri) && db_run(im->db, sql, BIND(v_text(buf_str(&uri))), NULL, err);
	buf_release(&uri);
	if (!ok)
		return false;
	for (size_t i = 0; i < COUNT_OF(tables); i++) {
		if (!make_view(im, &tables[i], err))
			return false;
	}
	return true;
}

/* ---- the log ----------------------------------------------------------------------------------*/

/* All but request_id. */
#define LOG_COLUMNS                                                                                \
	"id, user_id, created_at, type, content, username, token_name, model_name, quota, "        \
	"prompt_tokens, completion_tokens, channel_id, elapsed_time, is_stream, "                  \
	"system_prompt_reset"

/* Request ids of charges are unique with us; a second row of one loses its id, not its charge. */
static bool import_log(struct import *im, struct err *err)
{
	static const char all_sql[] = "INSERT OR IGNORE INTO logs (" LOG_COLUMNS ", request_id) "
	                              "SELECT " LOG_COLUMNS ", request_id FROM in_logs ORDER BY id";
	static const char rest_sql[] = "INSERT INTO logs (" LOG_COLUMNS ", request_id) "
	                               "SELECT " LOG_COLUMNS ", '' FROM in_logs "
	                               "WHERE id NOT IN (SELECT id FROM logs) ORDER BY id";
	int64_t first, rest;

	if (!db_run(im->db, all_sql, BIND_NONE, &first, err) ||
	    !db_run(im->db, rest_sql, BIND_NONE, &rest, err))
		return false;
	im->out->log_rows = first + rest;
	return true;
}

/* What was charged before is in the log, or it came before the log. Their rows do not say which key
 * paid, so the keys' part stays before the log. */
static bool settle_books(struct import *im, struct err *err)
{
	static const char users_sql[] =
	    "UPDATE users SET used_before = used_before - l.charged FROM (SELECT user_id, "
	    "SUM(quota) AS charged FROM logs WHERE type = 2 GROUP BY user_id) AS l "
	    "WHERE l.user_id = users.id";
	static const char channels_sql[] =
	    "UPDATE channels SET used_before = used_before - l.charged FROM (SELECT channel_id, "
	    "SUM(quota) AS charged FROM logs WHERE type = 2 GROUP BY channel_id) AS l "
	    "WHERE l.channel_id = channels.id";

	return db_run(im->db, users_sql, BIND_NONE, NULL, err) &&
	    db_run(im->db, channels_sql, BIND_NONE, NULL, err);
}

/* ---- all of it --------------------------------------------------------------------------------*/

static bool is_empty(struct db *db, struct err *err)
{
	static const char sql[] = "SELECT (SELECT COUNT(*) FROM users) + (SELECT COUNT(*) FROM "
	                          "channels) + (SELECT COUNT(*) FROM (SELECT 1 FROM logs LIMIT 1))";
	int64_t count;

	if (!db_number(db, sql, BIND_NONE, &count, err))
		return false;
	return count == 0 ||
	    err_set(err, ERR_BAD_REQUEST,
	        "our database has accounts already: import into a new DATA_DIR, before the first "
	        "start");
}

static bool note_in_audit(struct import *im, const char *file, struct err *err)
{
	struct audit_entry e = {
		.username = STR("command line"),
		.action = STR("import"),
		.subject = STR("database"),
		.subject_id = str_c(file),
	};

	return audit_insert(im->db, &e, err);
}

static bool import_all(struct import *im, const char *file, bool with_log, struct err *err)
{
	return is_empty(im->db, err) && import_users(im, err) && import_keys(im, err) &&
	    import_channels(im, err) && import_codes(im, err) && import_options(im, err) &&
	    (!with_log || import_log(im, err)) && settle_books(im, err) &&
	    note_in_audit(im, file, err) && catalog_bump(im->db, err);
}

void import_say(struct import *im, const char *text)
{
	im->out->notes++;
	im->note(text, im->arg);
}

bool import_database(struct db *db, const struct secret_box *box, const char *file, bool with_log,
    import_note *note, void *arg, struct import_report *out, struct err *err)
{
	struct import im = { db, box, arena_new(65536), note, arg, out };
	bool ok;

	*out = (struct import_report){ 0 };
	ok = open_theirs(&im, file, err) && db_begin(db, err);
	if (ok && import_all(&im, file, with_log, err))
		ok = db_commit(db, err);
	else if (ok)
		ok = false, db_rollback(db);
	arena_free(im.arena);
	return ok;
}
