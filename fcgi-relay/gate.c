#include "gate.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/cidr.h"
#include "relay.h"

/* Client texts, English and Chinese; %s is the detail given with it. */
static const struct phrase {
	enum err_kind kind;
	const char *en, *zh;
} phrases[] = {
	{ ERR_KEY_MISSING, "no API key was given%s", "未提供令牌%s" },
	{ ERR_KEY_INVALID, "the API key is not valid%s", "无效的令牌%s" },
	{ ERR_KEY_CHECK, "the API key could not be checked%s", "令牌验证失败%s" },
	{ ERR_KEY_EXHAUSTED, "the quota of key %s is used up", "令牌 %s 额度已用尽" },
	{ ERR_KEY_EXPIRED, "key %s has expired", "令牌 %s 已过期" },
	{ ERR_KEY_DISABLED, "key %s is disabled", "令牌 %s 状态不可用" },
	{ ERR_SUBNET, "this key may not be used from %s", "该令牌不允许从 %s 使用" },
	{ ERR_USER_DISABLED, "this user is disabled%s", "用户已被封禁%s" },
	{ ERR_MODEL_DENIED, "this key may not use model %s", "该令牌无权使用模型 %s" },
	{ ERR_CHANNEL_PICK, "only administrators may pick a channel%s",
	    "普通用户不支持指定渠道%s" },
};

static bool refuse(const struct req *r, enum err_kind kind, const char *detail, struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(phrases); i++) {
		const struct phrase *p = &phrases[i];
		const char *text = r->chinese ? p->zh : p->en;
		const char *hole = strstr(text, "%s");

		if (p->kind != kind)
			continue;
		return err_set(err, kind, "%.*s%s%s", (int)(hole - text), text, detail, hole + 2);
	}
	return err_set(err, kind, "%s", detail);
}

/* The text after the scheme; a key needs no scheme. */
static struct str key_text(const struct req *r)
{
	struct str key = str_trim(req_header(r, "authorization"));

	if (key.n == 0)
		key = str_trim(req_header(r, "x-api-key"));
	if (key.n == 0)
		key = str_trim(req_header(r, "api-key"));
	if (str_starts_nocase(key, STR("bearer ")))
		key = str_trim(str_slice(key, 7, key.n));
	if (str_starts(key, STR("sk-")))
		key = str_slice(key, 3, key.n);
	return key;
}

static bool find(struct req *r, struct str key, struct token_owner *out, struct err *err)
{
	uint8_t hash[SECRET_HASH_LEN];

	secret_hash(relay_of(r)->rt.box, "token", key, hash);
	return token_find(r->local, r->arena, hash, out, err);
}

/* Splits KEY-12; false when the text has no such end. */
static bool split_channel(struct str key, struct str *left, int64_t *channel)
{
	for (size_t i = key.n; i-- > 0;) {
		if (key.p[i] != '-')
			continue;
		*left = str_slice(key, 0, i);
		return str_to_int(str_slice(key, i + 1, key.n), 1, INT64_MAX, channel);
	}
	return false;
}

/* The whole text first, so that a key may itself contain a dash. */
static bool look_up(struct req *r, struct caller *out, struct err *err)
{
	struct str key = key_text(r), left;
	struct err missing = { 0 };
	int64_t channel;

	if (key.n == 0)
		return refuse(r, ERR_KEY_MISSING, "", err);
	if (key.n > TOKEN_KEY_MAX)
		return refuse(r, ERR_KEY_INVALID, "", err);
	if (find(r, key, &out->owner, &missing))
		return true;
	if (missing.kind == ERR_NOT_FOUND && split_channel(key, &left, &channel)) {
		err_clear(&missing);
		if (find(r, left, &out->owner, &missing)) {
			out->pinned_channel = channel;
			return true;
		}
	}
	if (missing.kind == ERR_NOT_FOUND)
		return refuse(r, ERR_KEY_INVALID, "", err);
	refuse(r, ERR_KEY_CHECK, "", err);
	return err_detail(err, "%s: %s", missing.msg, missing.detail);
}

/* What was found out just now, for a worker to note in the row. */
struct finding {
	struct task task;
	int64_t token;
	bool exhausted; /* else expired */
};

static void note_finding(struct task *task, void *room)
{
	struct finding *f = CONTAINER_OF(task, struct finding, task);
	struct db *db = worker_local(room);
	struct err err = { 0 };
	bool ok = f->exhausted ? token_mark_exhausted(db, f->token, &err)
	                       : token_set_status(db, f->token, TOKEN_EXPIRED, &err);

	if (!ok)
		log_warn(NULL, "gate.mark_failed", LOG_ERR(&err));
	mem_free(f);
}

/* The refusal does not wait for it. */
static void mark(struct req *r, int64_t id, bool exhausted)
{
	struct finding *f = MEM_NEW(struct finding);

	f->task.run = note_finding;
	f->token = id;
	f->exhausted = exhausted;
	server_defer(r->server, &f->task);
}

static bool check_key(struct req *r, const struct token *t, struct err *err)
{
	const char *name = arena_fmt(r->arena, "%.*s (#%" PRId64 ")", STR_ARG(t->name), t->id);

	if (t->status == TOKEN_EXHAUSTED)
		return refuse(r, ERR_KEY_EXHAUSTED, name, err);
	if (t->status == TOKEN_EXPIRED)
		return refuse(r, ERR_KEY_EXPIRED, name, err);
	if (t->status != TOKEN_ENABLED)
		return refuse(r, ERR_KEY_DISABLED, name, err);
	if (t->expired_time != TOKEN_NEVER_EXPIRES && t->expired_time < clock_unix()) {
		mark(r, t->id, false);
		return refuse(r, ERR_KEY_EXPIRED, name, err);
	}
	if (!t->unlimited_quota && t->remain_quota <= 0) {
		mark(r, t->id, true);
		return refuse(r, ERR_KEY_EXHAUSTED, name, err);
	}
	if (t->subnet.n && !cidr_list_has(t->subnet, r->remote_addr))
		return refuse(r, ERR_SUBNET, str_dup(r->arena, r->remote_addr), err);
	return true;
}

bool gate_check(struct req *r, struct caller *out, struct err *err)
{
	*out = (struct caller){ 0 };
	if (!look_up(r, out, err))
		return false;
	r->log.user = out->owner.token.user_id;
	if (!check_key(r, &out->owner.token, err))
		return false;
	if (out->owner.user_status != USER_ENABLED)
		return refuse(r, ERR_USER_DISABLED, "", err);
	if (out->pinned_channel && out->owner.role < ROLE_ADMIN)
		return refuse(r, ERR_CHANNEL_PICK, "", err);
	return true;
}

bool gate_allows_model(const struct req *r, const struct caller *who, struct str model,
    struct err *err)
{
	struct str list = who->owner.token.models;

	if (list.n == 0 || str_list_has(list, model))
		return true;
	return refuse(r, ERR_MODEL_DENIED, str_dup(r->arena, model), err);
}
