/* identity.c — the columns of users that hold ids at third parties */
#include "store/identity.h"

#include "base/arena.h"
#include "base/err.h"

/* The partial indexes of 0040-identities.sql serve these: hence id <> ''. */
#define FIND(column)                                                                               \
	"SELECT id FROM users WHERE " column " = ? AND " column " <> '' AND status <> 3 "          \
	"ORDER BY id LIMIT 2"
#define SET(column) "UPDATE users SET " column " = ? WHERE id = ? AND status <> 3"

static const char find_github_sql[] = FIND("github_id");
static const char find_lark_sql[] = FIND("lark_id");
static const char find_oidc_sql[] = FIND("oidc_id");
static const char find_wechat_sql[] = FIND("wechat_id");
static const char set_github_sql[] = SET("github_id");
static const char set_lark_sql[] = SET("lark_id");
static const char set_oidc_sql[] = SET("oidc_id");
static const char set_wechat_sql[] = SET("wechat_id");

/* clang-format off */
static const struct {
	const char *find, *set;
	size_t member;
} columns[IDENTITY_COUNT] = {
	[IDENTITY_GITHUB] = { find_github_sql, set_github_sql, offsetof(struct user, github_id) },
	[IDENTITY_LARK] =   { find_lark_sql,   set_lark_sql,   offsetof(struct user, lark_id) },
	[IDENTITY_OIDC] =   { find_oidc_sql,   set_oidc_sql,   offsetof(struct user, oidc_id) },
	[IDENTITY_WECHAT] = { find_wechat_sql, set_wechat_sql, offsetof(struct user, wechat_id) },
};
/* clang-format on */

bool identity_find(struct db *db, struct arena *a, enum identity provider, struct str id,
    struct user *out, int *count, struct err *err)
{
	int64_t user_id = 0;
	struct rows rows;

	*count = 0;
	if (id.n == 0)
		return true;
	if (!db_query(db, columns[provider].find, BIND(v_text(id)), &rows, err))
		return false;
	while (rows_next(&rows)) {
		user_id = rows_int(&rows, 0);
		++*count;
	}
	if (!rows_close(&rows, err))
		return false;
	return *count == 0 || user_by_id(db, a, user_id, out, err);
}

bool identity_set(struct db *db, int64_t user_id, enum identity provider, struct str id,
    struct err *err)
{
	int64_t changed;

	if (!db_run(db, columns[provider].set, BIND(v_text(id), v_int(user_id)), &changed, err))
		return false;
	return changed == 1 || err_set(err, ERR_NOT_FOUND, "no such user");
}

struct str identity_of(const struct user *u, enum identity provider)
{
	return *(const struct str *)(const void *)((const char *)u + columns[provider].member);
}

void identity_put(struct user *u, enum identity provider, struct str id)
{
	*(struct str *)(void *)((char *)u + columns[provider].member) = id;
}
