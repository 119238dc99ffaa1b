#include "import_rows.h"

#include <inttypes.h>

#include "access.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "billing/quota.h"
#include "body.h"
#include "channel_body.h"
#include "provider/providers.h"
#include "store/channel.h"
#include "store/option.h"
#include "store/price_option.h"
#include "store/redemption.h"
#include "store/token.h"
#include "store/user.h"

/* One row; false leaves the transaction to fail. */
typedef bool take_row(struct import *im, const struct rows *rows, struct err *err);

/* Each row in an arena that is empty again after it. */
static bool each(struct import *im, const char *sql, take_row *take, struct err *err)
{
	struct err ignored = { 0 };
	struct rows rows;
	bool ok = true, closed;

	if (!db_query(im->db, sql, BIND_NONE, &rows, err))
		return false;
	while (ok && rows_next(&rows)) {
		struct arena_mark mark = arena_mark(im->arena);

		ok = take(im, &rows, err);
		arena_rewind(im->arena, mark);
	}
	closed = rows_close(&rows, ok ? err : &ignored);
	return ok && closed;
}

/* Names and keys stay out of it: whose they are says the id. */
static void say_about(struct import *im, const char *what, int64_t id, const char *text)
{
	import_say(im, arena_fmt(im->arena, "%s %" PRId64 ": %s", what, id, text));
}

static bool is_one_of(int64_t n, const int *known)
{
	for (; *known >= 0; known++) {
		if (n == *known)
			return true;
	}
	return false;
}

/* A code that nobody knows must not let anybody in. */
static int status_of(struct import *im, const char *what, int64_t id, int64_t status,
    const int *known, int otherwise)
{
	if (is_one_of(status, known))
		return (int)status;
	say_about(im, what, id,
	    arena_fmt(im->arena, "its status %" PRId64 " is unknown, it is disabled now", status));
	return otherwise;
}

/* char(n) columns come back padded from databases that were converted. */
static struct str unpadded(struct str s)
{
	while (s.n > 0 && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

static struct str text_of(struct import *im, const struct rows *rows, int column)
{
	return arena_str(im->arena, rows_text(rows, column));
}

/* ---- users ------------------------------------------------------------------------------------*/

static bool taken(struct import *im, const char *sql, struct str text, bool *is, struct err *err)
{
	int64_t count = 0;

	*is = false;
	if (text.n == 0)
		return true;
	if (!db_number(im->db, sql, BIND(v_text(text)), &count, err))
		return false;
	*is = count > 0;
	return true;
}

#define NAME_TRIES 100

/* A name with the id behind it that nobody has, here or among those to come. */
static bool new_name(struct import *im, int64_t id, struct user *u, struct err *err)
{
	static const char sql[] =
	    "SELECT (SELECT COUNT(*) FROM users WHERE username = ?1 AND status <> 3) + "
	    "(SELECT COUNT(*) FROM in_users WHERE username = ?1 COLLATE NOCASE)";
	struct str wanted = u->username.n ? u->username : STR("user");
	bool is = true;

	for (int i = 0; is && i < NAME_TRIES; i++) {
		u->username = str_c(arena_fmt(im->arena,
		    i ? "%.*s_%" PRId64 "_%d" : "%.*s_%" PRId64, STR_ARG(wanted), id, i));
		if (!taken(im, sql, u->username, &is, err))
			return false;
	}
	return true;
}

/* Theirs differ in case and may be empty, ours do not and may not. */
static bool free_name(struct import *im, int64_t id, struct user *u, struct err *err)
{
	static const char sql[] = "SELECT COUNT(*) FROM users WHERE username = ? AND status <> 3";
	bool is;

	if (u->status == USER_DELETED)
		return true;
	if (!taken(im, sql, u->username, &is, err))
		return false;
	if (!is && u->username.n)
		return true;
	say_about(im, "user", id,
	    is ? "another has this name but for its case; its id was added"
	       : "it had no name; it is called by its id");
	return new_name(im, id, u, err);
}

/* Of an address that several have, none is told by it who they are. */
static bool share_email(struct import *im, int64_t id, struct str email, bool *shared,
    struct err *err)
{
	static const char sql[] = "SELECT COUNT(*) FROM users WHERE email = ? AND status <> 3";
	static const char others_sql[] =
	    "UPDATE users SET email_shared = 1 WHERE email = ? AND status <> 3";

	if (!taken(im, sql, email, shared, err) || !*shared)
		return err->kind == ERR_NONE;
	say_about(im, "user", id,
	    "another has the same e-mail address; neither can sign in or reset a password by it");
	return db_run(im->db, others_sql, BIND(v_text(email)), NULL, err);
}

struct past_user {
	int64_t id, used_quota, request_count;
	struct str email, access_token;
};

static bool add_past(struct import *im, const struct user *u, const struct past_user *past,
    struct err *err)
{
	static const char sql[] =
	    "UPDATE users SET id = ?, used_quota = ?, used_before = ?, granted = ?, "
	    "request_count = ?, email = ?, email_shared = ?, access_token_hash = ? WHERE id = ?";
	uint8_t hash[SECRET_HASH_LEN];
	bool shared = false;

	if (!share_email(im, past->id, past->email, &shared, err))
		return false;
	secret_hash(im->box, ACCESS_TOKEN_LABEL, past->access_token, hash);
	return db_run(im->db, sql,
	    BIND(v_int(past->id), v_int(past->used_quota), v_int(past->used_quota),
	        v_int(u->quota + past->used_quota), v_int(past->request_count), v_text(past->email),
	        v_int(shared), past->access_token.n ? v_blob(hash, sizeof(hash)) : v_null(),
	        v_int(u->id)),
	    NULL, err);
}

/* Their sums have no bounds; ours must add up. */
static int64_t amount_of(struct import *im, const char *what, int64_t id, int64_t quota)
{
	int64_t bounded = quota > QUOTA_MAX ? QUOTA_MAX : quota < -QUOTA_MAX ? -QUOTA_MAX : quota;

	if (bounded != quota)
		say_about(im, what, id, "an amount was too large; it is the largest now");
	return bounded;
}

static bool take_user(struct import *im, const struct rows *rows, struct err *err)
{
	static const int statuses[] = { USER_ENABLED, USER_DISABLED, USER_DELETED, -1 };
	static const int roles[] = { ROLE_USER, ROLE_ADMIN, ROLE_ROOT, -1 };
	struct past_user past = {
		.id = rows_int(rows, 0),
		.used_quota = amount_of(im, "user", rows_int(rows, 0), rows_int(rows, 12)),
		.request_count = rows_int(rows, 13),
	};
	struct user u = {
		.username = text_of(im, rows, 1),
		.display_name = text_of(im, rows, 2),
		.password = text_of(im, rows, 3),
		.role = is_one_of(rows_int(rows, 4), roles) ? (int)rows_int(rows, 4) : ROLE_USER,
		.status =
		    status_of(im, "user", past.id, rows_int(rows, 5), statuses, USER_DISABLED),
		.quota = amount_of(im, "user", past.id, rows_int(rows, 11)),
		.group = text_of(im, rows, 14),
		.aff_code = text_of(im, rows, 15),
		.inviter_id = rows_int(rows, 16),
	};

	if (u.status != USER_DELETED) {
		past.email = str_trim(text_of(im, rows, 6));
		u.github_id = text_of(im, rows, 7);
		u.wechat_id = text_of(im, rows, 8);
		u.lark_id = text_of(im, rows, 9);
		u.oidc_id = text_of(im, rows, 10);
		past.access_token = unpadded(text_of(im, rows, 17));
	} else {
		u.aff_code = STR("");
	}
	im->out->users++;
	return free_name(im, past.id, &u, err) && user_insert(im->db, &u, err) &&
	    add_past(im, &u, &past, err);
}

bool import_users(struct import *im, struct err *err)
{
	static const char sql[] =
	    "SELECT id, username, display_name, password, role, status, email, github_id, "
	    "wechat_id, lark_id, oidc_id, quota, used_quota, request_count, \"group\", aff_code, "
	    "inviter_id, access_token FROM in_users ORDER BY id";

	return each(im, sql, take_user, err);
}

/* ---- keys -------------------------------------------------------------------------------------*/

static bool take_key(struct import *im, const struct rows *rows, struct err *err)
{
	static const char sql[] =
	    "UPDATE tokens SET id = ?, created_time = ?, accessed_time = ?, used_quota = ?, "
	    "used_before = ?, granted = ? WHERE id = ?";
	static const int statuses[] = { TOKEN_ENABLED, TOKEN_DISABLED, TOKEN_EXPIRED,
		TOKEN_EXHAUSTED, -1 };
	int64_t id = rows_int(rows, 0), used = amount_of(im, "key", id, rows_int(rows, 10));
	struct token t = {
		.user_id = rows_int(rows, 1),
		.key = unpadded(text_of(im, rows, 2)),
		.status = status_of(im, "key", id, rows_int(rows, 3), statuses, TOKEN_DISABLED),
		.name = text_of(im, rows, 4),
		.expired_time = rows_int(rows, 7),
		.remain_quota = amount_of(im, "key", id, rows_int(rows, 8)),
		.unlimited_quota = rows_int(rows, 9) != 0,
		.models = body_list(im->arena, rows_text(rows, 11)),
		.subnet = body_list(im->arena, rows_text(rows, 12)),
	};

	if (t.key.n == 0 || t.key.n > TOKEN_KEY_MAX) {
		say_about(im, "key", id, "it has no text that could be a key, it was left out");
		return true;
	}
	im->out->keys++;
	return token_insert(im->db, im->box, im->arena, &t, err) &&
	    db_run(im->db, sql,
	        BIND(v_int(id), v_int(rows_int(rows, 5)), v_int(rows_int(rows, 6)), v_int(used),
	            v_int(used), v_int(t.remain_quota + used), v_int(t.id)),
	        NULL, err);
}

bool import_keys(struct import *im, struct err *err)
{
	static const char sql[] =
	    "SELECT id, user_id, \"key\", status, name, created_time, accessed_time, "
	    "expired_time, remain_quota, unlimited_quota, used_quota, models, subnet "
	    "FROM in_tokens ORDER BY id";

	return each(im, sql, take_key, err);
}

/* ---- channels ---------------------------------------------------------------------------------*/

static struct str group_list(struct import *im, struct str text)
{
	struct str list = body_list(im->arena, text);

	return list.n ? list : STR("default");
}

/* What they wrote without looking is looked at here. */
static void mend_channel(struct import *im, struct channel *c)
{
	if (!provider_by_id(c->type)) {
		say_about(im, "channel", c->id, "its type is unknown here, it is disabled now");
		c->status = CHANNEL_DISABLED;
	}
	if (!channel_normal_object(im->arena, &c->model_mapping, true)) {
		say_about(im, "channel", c->id,
		    "its model mapping is no JSON object of texts, it is gone");
		c->model_mapping = STR("");
	}
	if (!channel_normal_object(im->arena, &c->config, false)) {
		say_about(im, "channel", c->id, "its config is no JSON object, it is gone");
		c->config = STR("");
	}
	if (c->weight < 0 || c->weight > INT32_MAX)
		c->weight = 0;
}

static bool take_channel(struct import *im, const struct rows *rows, struct err *err)
{
	static const char sql[] =
	    "INSERT INTO channels (id, type, created_time, test_time, response_time, balance, "
	    "balance_updated_time, used_quota) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
	static const int statuses[] = { CHANNEL_UNKNOWN, CHANNEL_ENABLED, CHANNEL_DISABLED,
		CHANNEL_AUTO_DISABLED, -1 };
	struct channel c = {
		.id = rows_int(rows, 0),
		.type = (int)rows_int(rows, 1),
		.key = str_trim(text_of(im, rows, 2)),
		.status = status_of(im, "channel", rows_int(rows, 0), rows_int(rows, 3), statuses,
		    CHANNEL_DISABLED),
		.name = text_of(im, rows, 4),
		.weight = rows_int(rows, 5),
		.priority = rows_int(rows, 6),
		.base_url = channel_normal_url(text_of(im, rows, 7)),
		.other = text_of(im, rows, 8),
		.models = body_list(im->arena, rows_text(rows, 9)),
		.group = group_list(im, rows_text(rows, 10)),
		.model_mapping = text_of(im, rows, 11),
		.config = text_of(im, rows, 12),
		.system_prompt = text_of(im, rows, 13),
	};

	mend_channel(im, &c);
	im->out->channels++;
	return db_run(im->db, sql,
	           BIND(v_int(c.id), v_int(c.type), v_int(rows_int(rows, 14)),
	               v_int(rows_int(rows, 15)), v_int(rows_int(rows, 16)),
	               v_double(rows_double(rows, 17)), v_int(rows_int(rows, 18)),
	               v_int(rows_int(rows, 19))),
	           NULL, err) &&
	    channel_write(im->db, im->box, im->arena, &c, err);
}

bool import_channels(struct import *im, struct err *err)
{
	static const char sql[] =
	    "SELECT id, type, \"key\", status, name, weight, priority, base_url, other, models, "
	    "\"group\", model_mapping, config, system_prompt, created_time, test_time, "
	    "response_time, balance, balance_updated_time, used_quota FROM in_channels ORDER BY id";

	return each(im, sql, take_channel, err);
}

/* ---- codes ------------------------------------------------------------------------------------*/

static bool take_code(struct import *im, const struct rows *rows, struct err *err)
{
	static const char sql[] =
	    "UPDATE redemptions SET id = ?, created_time = ?, redeemed_time = ? WHERE id = ?";
	static const int statuses[] = { REDEMPTION_UNUSED, REDEMPTION_DISABLED, REDEMPTION_USED,
		-1 };
	int64_t id = rows_int(rows, 0);
	struct redemption code = {
		.user_id = rows_int(rows, 1),
		.key = unpadded(text_of(im, rows, 2)),
		.status =
		    status_of(im, "code", id, rows_int(rows, 3), statuses, REDEMPTION_DISABLED),
		.name = text_of(im, rows, 4),
		.quota = rows_int(rows, 5),
	};

	if (code.key.n == 0 || code.key.n > REDEMPTION_KEY_MAX) {
		say_about(im, "code", id, "it has no text that could be a code, it was left out");
		return true;
	}
	if (code.quota <= 0 && code.status == REDEMPTION_UNUSED) {
		say_about(im, "code", id, "it is worth nothing, it is disabled now");
		code.status = REDEMPTION_DISABLED;
	}
	im->out->codes++;
	return redemption_insert(im->db, im->box, im->arena, &code, err) &&
	    db_run(im->db, sql,
	        BIND(v_int(id), v_int(rows_int(rows, 6)), v_int(rows_int(rows, 7)), v_int(code.id)),
	        NULL, err);
}

bool import_codes(struct import *im, struct err *err)
{
	static const char sql[] =
	    "SELECT id, user_id, \"key\", status, name, quota, created_time, redeemed_time "
	    "FROM in_redemptions ORDER BY id";

	return each(im, sql, take_code, err);
}

/* ---- options ----------------------------------------------------------------------------------*/

/* Their tables hold prices below nothing, which ours refuse: the rest of such a table is kept. */
static struct str without_wrong_ratios(struct arena *a, struct str table)
{
	struct err ignored = { 0 };
	cJSON *tree, *item, *next;

	if (!json_parse(a, table, &tree, &ignored) || !cJSON_IsObject(tree))
		return table;
	for (item = tree->child; item; item = next) {
		next = item->next;
		if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0))
			cJSON_Delete(cJSON_DetachItemViaPointer(tree, item));
	}
	return json_print(a, tree);
}

static bool take_option(struct import *im, const struct rows *rows, struct err *err)
{
	struct str name = text_of(im, rows, 0), value = text_of(im, rows, 1);
	struct err wrong = { 0 };
	int id = option_find(name);

	im->out->options++;
	if (id < 0)
		return option_write_foreign(im->db, name, value, err);
	if (!option_check((enum option_id)id, value, &wrong) &&
	    option_keys[id].type == OPTION_RATIOS) {
		import_say(im,
		    arena_fmt(im->arena, "option %s: entries that are no price were left out",
		        option_keys[id].name));
		value = without_wrong_ratios(im->arena, value);
		err_clear(&wrong);
	}
	if (!option_check((enum option_id)id, value, &wrong)) {
		im->out->options--;
		import_say(im, arena_fmt(im->arena, "%s; it has its default now", wrong.msg));
		return true;
	}
	return option_write(im->db, im->box, (enum option_id)id, value, err);
}

/* A model without a price cost the ratio 30 there; with us it is refused unless somebody says so. */
bool import_options(struct import *im, struct err *err)
{
	static const char sql[] = "SELECT \"key\", value FROM in_options WHERE \"key\" <> '' "
	                          "ORDER BY \"key\"";

	return option_write(im->db, im->box, OPT_UNPRICED_MODEL, STR("ratio"), err) &&
	    each(im, sql, take_option, err);
}
