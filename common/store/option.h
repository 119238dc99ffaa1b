/* option.h — table options, and the catalogue of options that exist
 *
 * One row of option_keys per option: name, type, default, bounds, who may read it. Checking,
 * defaults, the list in the UI and the documentation all read the same row. Values are text on
 * the wire and in the table. Secrets are sealed at rest and write-only.
 */
#ifndef STORE_OPTION_H
#define STORE_OPTION_H

#include "store/db.h"

struct secret_box;
struct arena;

enum option_type {
	OPTION_BOOL,
	OPTION_INT,
	OPTION_DOUBLE,
	OPTION_TEXT,
	OPTION_LIST,
	OPTION_RATIOS,
	OPTION_PRICES, /* store/price_option.h */
	OPTION_CHAINS, /* store/chains.h */
	OPTION_LIMITS, /* store/limit.h */
};
enum {
	OPTION_SECRET = 1,
	OPTION_URL = 2, /* "" or an http or https URL */
};

/* In the order of option_keys; values of struct options are indexed by it. */
/* clang-format off */
enum option_id {
	OPT_PASSWORD_LOGIN_ENABLED, OPT_PASSWORD_REGISTER_ENABLED, OPT_REGISTER_ENABLED,
	OPT_EMAIL_VERIFICATION_ENABLED, OPT_EMAIL_DOMAIN_RESTRICTION_ENABLED,
	OPT_EMAIL_DOMAIN_WHITELIST, OPT_GITHUB_OAUTH_ENABLED, OPT_GITHUB_CLIENT_ID,
	OPT_GITHUB_CLIENT_SECRET, OPT_LARK_CLIENT_ID, OPT_LARK_CLIENT_SECRET, OPT_OIDC_ENABLED,
	OPT_OIDC_CLIENT_ID, OPT_OIDC_CLIENT_SECRET, OPT_OIDC_WELL_KNOWN,
	OPT_OIDC_AUTHORIZATION_ENDPOINT, OPT_OIDC_TOKEN_ENDPOINT, OPT_OIDC_USERINFO_ENDPOINT,
	OPT_WECHAT_AUTH_ENABLED, OPT_WECHAT_SERVER_ADDRESS, OPT_WECHAT_SERVER_TOKEN,
	OPT_WECHAT_QRCODE, OPT_TURNSTILE_CHECK_ENABLED, OPT_TURNSTILE_SITE_KEY,
	OPT_TURNSTILE_SECRET_KEY, OPT_SMTP_SERVER, OPT_SMTP_PORT, OPT_SMTP_ACCOUNT, OPT_SMTP_FROM,
	OPT_SMTP_TOKEN, OPT_MESSAGE_PUSHER_ADDRESS, OPT_MESSAGE_PUSHER_TOKEN, OPT_SYSTEM_NAME,
	OPT_LOGO, OPT_FOOTER, OPT_NOTICE, OPT_ABOUT, OPT_HOME_PAGE_CONTENT, OPT_SERVER_ADDRESS,
	OPT_TOP_UP_LINK, OPT_CHAT_LINK, OPT_CHAT_APPS, OPT_THEME, OPT_QUOTA_FOR_NEW_USER,
	OPT_QUOTA_FOR_INVITEE, OPT_QUOTA_FOR_INVITER, OPT_QUOTA_REMIND_THRESHOLD, OPT_PRE_CONSUMED_QUOTA,
	OPT_QUOTA_PER_UNIT, OPT_DISPLAY_IN_CURRENCY_ENABLED, OPT_DISPLAY_TOKEN_STAT_ENABLED,
	OPT_MODEL_RATIO, OPT_COMPLETION_RATIO, OPT_GROUP_RATIO, OPT_RETRY_TIMES,
	OPT_APPROXIMATE_TOKEN_ENABLED, OPT_LOG_CONSUME_ENABLED, OPT_CHANNEL_DISABLE_THRESHOLD,
	OPT_AUTOMATIC_DISABLE_CHANNEL_ENABLED, OPT_AUTOMATIC_ENABLE_CHANNEL_ENABLED,
	OPT_UNPRICED_MODEL, /* refuse | free | ratio */
	OPT_MODEL_PRICE,
	OPT_CIRCUIT_BREAKER_ENABLED, OPT_CHANNEL_CHOICE, OPT_CHANNEL_AFFINITY_MINUTES,
	OPT_MODEL_FALLBACKS,
	OPT_RATE_LIMITS, OPT_CHANNEL_WAIT,
	OPT_KEY_ONCE_ENABLED,
	OPT_REPLY_DETAIL_HEADERS, /* off | admin | all */
	OPT_STRICT_PARAMS,
	OPT_TURNSTILE_LOGIN_ENABLED,
	OPT_LOG_DELETE_ROOT_ONLY_ENABLED,
	OPTION_COUNT
};
/* clang-format on */

struct option_key {
	const char *name;
	enum option_type type;
	const char *fallback;
	double min, max;
	unsigned flags;
	const char *choices; /* OPTION_TEXT: comma list of what is allowed, or NULL */
	const char *help;
};

extern const struct option_key option_keys[OPTION_COUNT];

/* All values at one moment, checked; text lives in the arena it was loaded with. */
struct options {
	struct {
		struct str text;
		int64_t n; /* OPTION_INT, OPTION_BOOL */
		double d;  /* OPTION_DOUBLE */
		bool is_set;
	} v[OPTION_COUNT];
};

static inline bool option_bool(const struct options *o, enum option_id id)
{
	return o->v[id].n != 0;
}
static inline int64_t option_int(const struct options *o, enum option_id id)
{
	return o->v[id].n;
}
static inline double option_double(const struct options *o, enum option_id id)
{
	return o->v[id].d;
}
static inline struct str option_text(const struct options *o, enum option_id id)
{
	return o->v[id].text;
}

/* A stored value that no longer passes its check counts as the default, with a log line. */
MUST_USE bool option_load(struct db *db, const struct secret_box *box, struct arena *a,
    struct options *out, struct err *err);
/* -1 when unknown; exact case. */
int option_find(struct str name);
/* ERR_BAD_REQUEST naming the option when value is not allowed. Pure. */
MUST_USE bool option_check(enum option_id id, struct str value, struct err *err);
/* A name that is in the table but in no row of option_keys: from an import, or of an older version. */
MUST_USE bool option_is_foreign(struct db *db, struct str name, bool *is, struct err *err);
struct option_row {
	struct str name, value;
};
/* All of those, by name. */
MUST_USE bool option_foreign(struct db *db, struct arena *a, struct option_row **rows,
    size_t *count, struct err *err);
/* Writes and bumps the catalog version, in the caller's transaction; value has passed its check. */
MUST_USE bool option_write(struct db *db, const struct secret_box *box, enum option_id id,
    struct str value, struct err *err);
MUST_USE bool option_write_foreign(struct db *db, struct str name, struct str value,
    struct err *err);
/* Checks, writes and bumps the catalog version, in its own transaction. */
MUST_USE bool option_save(struct db *db, const struct secret_box *box, enum option_id id,
    struct str value, struct err *err);

#endif
