/* user.h — table users
 *
 * quota, used_quota and request_count are read here and changed by billing/quota.c only.
 */
#ifndef STORE_USER_H
#define STORE_USER_H

#include "base/secret.h"
#include "store/db.h"

enum role { ROLE_GUEST = 0, ROLE_USER = 1, ROLE_ADMIN = 10, ROLE_ROOT = 100 };
enum user_status { USER_ENABLED = 1, USER_DISABLED = 2, USER_DELETED = 3 };

struct user {
	int64_t id;
	struct str username, display_name,
	    password; /* password: the hash (password.h), never on a wire */
	int role, status;
	struct str email, github_id, wechat_id, lark_id, oidc_id;
	int64_t quota, used_quota, request_count;
	struct str group, aff_code;
	int64_t inviter_id;
	int64_t created_at;
	int64_t session_epoch;        /* sessions made under an older one are void */
	int64_t access_token_used_at; /* 0 = never; to the minute */
};

enum user_order { USERS_BY_ID, USERS_BY_QUOTA, USERS_BY_USED_QUOTA, USERS_BY_REQUEST_COUNT };

/* False with kind ERR_NOT_FOUND when there is none; deleted users are found by id only. */
MUST_USE bool user_by_id(struct db *db, struct arena *a, int64_t id, struct user *out,
    struct err *err);
/* Without case. */
MUST_USE bool user_by_name(struct db *db, struct arena *a, struct str name, struct user *out,
    struct err *err);
/* ERR_NOT_FOUND also when several accounts have this address. */
MUST_USE bool user_by_email(struct db *db, struct arena *a, struct str email, struct user *out,
    struct err *err);
MUST_USE bool user_by_access_token(struct db *db, struct arena *a,
    const uint8_t hash[SECRET_HASH_LEN], struct user *out, struct err *err);

/* Whose invitation this is; only who is enabled may invite. */
MUST_USE bool user_by_aff_code(struct db *db, struct arena *a, struct str code, struct user *out,
    struct err *err);
/* Has anybody alive but this id the address? "" nobody has. */
MUST_USE bool user_email_taken(struct db *db, struct str email, int64_t but, bool *taken,
    struct err *err);

struct user_list {
	struct user *items;
	size_t count;
};

/* Without the deleted ones. */
MUST_USE bool user_page(struct db *db, struct arena *a, enum user_order order, int64_t offset,
    int64_t limit, struct user_list *out, struct err *err);
/* id equal (all digits) or prefix of user name, e-mail, display name; newest first. Of that
 * status, or the living when it is 0. */
MUST_USE bool user_search(struct db *db, struct arena *a, struct str keyword, int status,
    int64_t limit, struct user_list *out, struct err *err);
/* Where notices to the operator go; "" when root has no address. */
MUST_USE bool user_root_email(struct db *db, struct arena *a, struct str *out, struct err *err);
/* Of the last sign-in, "" while unknown. */
MUST_USE bool user_root_language(struct db *db, struct arena *a, struct str *out, struct err *err);
MUST_USE bool user_count(struct db *db, int64_t *out, struct err *err);

/* Inserts with quota as the opening balance; sets u->id. A taken name: err->code "duplicate". */
MUST_USE bool user_insert(struct db *db, struct user *u, struct err *err);
/* Writes name, display name, password, role, status, e-mail, group and third-party ids; not the
 * money. bump_session ends every session of this user; another password ends the access token. */
MUST_USE bool user_update(struct db *db, const struct user *u, bool bump_session, struct err *err);
MUST_USE bool user_set_email(struct db *db, int64_t id, struct str email, struct err *err);
/* Ends every session and the access token. */
MUST_USE bool user_set_password(struct db *db, int64_t id, struct str hash, struct err *err);
/* Another hash of the same password; nothing happens when old is not in force any more. */
MUST_USE bool user_renew_hash(struct db *db, int64_t id, struct str old, struct str hash,
    struct err *err);
/* Of mail that comes later; writes only what differs. */
MUST_USE bool user_set_language(struct db *db, int64_t id, struct str language, struct err *err);
MUST_USE bool user_end_sessions(struct db *db, int64_t id, struct err *err);
/* hash NULL removes it. */
MUST_USE bool user_set_access_token(struct db *db, int64_t id, const uint8_t *hash,
    struct err *err);
MUST_USE bool user_access_token_used(struct db *db, int64_t id, int64_t at, struct err *err);
MUST_USE bool user_set_aff_code(struct db *db, int64_t id, struct str code, struct err *err);
/* A new user was invited: inviter and invitee will get something, once. */
MUST_USE bool user_invite_due(struct db *db, int64_t id, struct err *err);
/* Marks that the invitation of user id is being paid for; *claimed false: none is due. */
MUST_USE bool user_invite_claim(struct db *db, int64_t id, int64_t now, bool *claimed,
    struct err *err);
/* How many invitations of this user were paid for since then. */
MUST_USE bool user_invites_since(struct db *db, int64_t inviter_id, int64_t since, int64_t *count,
    struct err *err);
/* Soft delete: status 3, name deleted_<hex>, address, ids, access token, keys and second factor
 * given up, sessions ended. In the caller's transaction. */
MUST_USE bool user_delete(struct db *db, int64_t id, struct err *err);

#endif
