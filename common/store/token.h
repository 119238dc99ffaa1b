/* token.h — table tokens: the API keys that clients send
 *
 * The key itself is stored as a keyed hash (to find it) and sealed (so that its owner can copy it).
 * Deleted keys keep their row (deleted_at), so that a request in flight still settles.
 * remain_quota and used_quota are changed by billing/quota.c only, except that their owner sets
 * remain_quota anew.
 */
#ifndef STORE_TOKEN_H
#define STORE_TOKEN_H

#include "base/secret.h"
#include "store/db.h"
#include "store/user.h"

enum token_status { TOKEN_ENABLED = 1, TOKEN_DISABLED = 2, TOKEN_EXPIRED = 3, TOKEN_EXHAUSTED = 4 };

/* Generated keys have 48 characters; INITIAL_ROOT_TOKEN may be shorter or longer. */
#define TOKEN_KEY_LEN 48
#define TOKEN_KEY_MAX 128
#define TOKEN_NEVER_EXPIRES (-1)

struct token {
	int64_t id, user_id;
	struct str key; /* plain, without sk-; filled only where asked for */
	int status;
	struct str name;
	int64_t created_time, accessed_time, expired_time;
	int64_t remain_quota;
	bool unlimited_quota;
	int64_t used_quota;
	struct str models, subnet; /* comma lists, "" = no limit */
	int64_t capture_until;     /* bodies are kept until then (store/capture.h); 0: never */
};

/* What the gate needs of key and owner, in one query. */
struct token_owner {
	struct token token;
	struct str username, group;
	int user_status, role;
	int64_t user_quota;
};

/* ERR_NOT_FOUND: no such key, or deleted. */
MUST_USE bool token_find(struct db *db, struct arena *a, const uint8_t hash[SECRET_HASH_LEN],
    struct token_owner *out, struct err *err);

enum token_order { TOKENS_BY_ID, TOKENS_BY_REMAIN, TOKENS_BY_USED };

struct token_list {
	struct token *items;
	size_t count;
};

/* key is unsealed with box. */
MUST_USE bool token_page(struct db *db, const struct secret_box *box, struct arena *a,
    int64_t user_id, enum token_order order, int64_t offset, int64_t limit, struct token_list *out,
    struct err *err);
/* Name prefix, newest first. */
MUST_USE bool token_search(struct db *db, const struct secret_box *box, struct arena *a,
    int64_t user_id, struct str keyword, int64_t limit, struct token_list *out, struct err *err);
MUST_USE bool token_by_id(struct db *db, const struct secret_box *box, struct arena *a, int64_t id,
    int64_t user_id, struct token *out, struct err *err);
MUST_USE bool token_count(struct db *db, int64_t user_id, int64_t *out, struct err *err);
/* t->key "" makes a fresh one and sets it in the arena; sets t->id. */
MUST_USE bool token_insert(struct db *db, const struct secret_box *box, struct arena *a,
    struct token *t, struct err *err);
/* Writes status, name, expired_time, models, subnet, capture_until; what a key may spend is quota.h's to write. */
MUST_USE bool token_update(struct db *db, const struct token *t, struct err *err);
MUST_USE bool token_set_status(struct db *db, int64_t id, int status, struct err *err);
/* The key is used up for good: nothing is left and no running request can give something back.
 * Otherwise nothing changes. */
MUST_USE bool token_mark_exhausted(struct db *db, int64_t id, struct err *err);
/* ERR_NOT_FOUND when it is not this user's. */
MUST_USE bool token_delete(struct db *db, int64_t id, int64_t user_id, struct err *err);

#endif
