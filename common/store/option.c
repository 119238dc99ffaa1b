/* option.c — table options and the catalogue of options that exist */
#include "store/option.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/field.h"
#include "base/log.h"
#include "base/secret.h"
#include "store/chains.h"
#include "store/channel.h"
#include "store/limit.h"
#include "store/price_option.h"

/* Longest value: a page of HTML or a price for every model there is. */
#define VALUE_MAX ((size_t)1024 * 1024)
#define QUOTA_MAX 1e15
#define RATIO_LARGEST 1e6
#define WHITELIST                                                                                  \
	"gmail.com,163.com,126.com,qq.com,outlook.com,hotmail.com,icloud.com,yahoo.com,foxmail."   \
	"com"

/* clang-format off */
#define TEXT_KEY(name, fallback, help) { name, OPTION_TEXT, fallback, 0, 0, 0, NULL, help }
#define URL_KEY(name, fallback, help) { name, OPTION_TEXT, fallback, 0, 0, OPTION_URL, NULL, help }
#define SECRET_KEY(name, help) { name, OPTION_TEXT, "", 0, 0, OPTION_SECRET, NULL, help }
#define CHOICE_KEY(name, fallback, choices, help) \
	{ name, OPTION_TEXT, fallback, 0, 0, 0, choices, help }
#define BOOL_KEY(name, fallback, help) { name, OPTION_BOOL, fallback, 0, 1, 0, NULL, help }
#define INT_KEY(name, fallback, min, max, help) \
	{ name, OPTION_INT, fallback, min, max, 0, NULL, help }
#define DOUBLE_KEY(name, fallback, min, max, help) \
	{ name, OPTION_DOUBLE, fallback, min, max, 0, NULL, help }
#define RATIOS_KEY(name, fallback, help) { name, OPTION_RATIOS, fallback, 0, RATIO_LARGEST, 0, NULL, help }

const struct option_key option_keys[OPTION_COUNT] = {
	/* signing in */
	[OPT_PASSWORD_LOGIN_ENABLED] = BOOL_KEY("PasswordLoginEnabled", "true",
	    "sign in by password at all, also for root"),
	[OPT_PASSWORD_REGISTER_ENABLED] = BOOL_KEY("PasswordRegisterEnabled", "true",
	    "register by the password form"),
	[OPT_REGISTER_ENABLED] = BOOL_KEY("RegisterEnabled", "true",
	    "register at all, also by a first sign-in with a third party"),
	[OPT_EMAIL_VERIFICATION_ENABLED] = BOOL_KEY("EmailVerificationEnabled", "false",
	    "registering takes an e-mail address and the code sent to it"),
	[OPT_EMAIL_DOMAIN_RESTRICTION_ENABLED] = BOOL_KEY("EmailDomainRestrictionEnabled", "false",
	    "send such codes to the listed domains only"),
	[OPT_EMAIL_DOMAIN_WHITELIST] = { "EmailDomainWhitelist", OPTION_LIST, WHITELIST, 0, 0, 0,
	    NULL, "those domains, a comma list" },
	[OPT_GITHUB_OAUTH_ENABLED] = BOOL_KEY("GitHubOAuthEnabled", "false", "sign in with GitHub"),
	[OPT_GITHUB_CLIENT_ID] = TEXT_KEY("GitHubClientId", "", "client id at GitHub"),
	[OPT_GITHUB_CLIENT_SECRET] = SECRET_KEY("GitHubClientSecret", "client secret at GitHub"),
	[OPT_LARK_CLIENT_ID] = TEXT_KEY("LarkClientId", "",
	    "app id at Lark; with the secret it switches sign-in with Lark on"),
	[OPT_LARK_CLIENT_SECRET] = SECRET_KEY("LarkClientSecret", "app secret at Lark"),
	[OPT_OIDC_ENABLED] = BOOL_KEY("OidcEnabled", "false", "sign in with an OpenID provider"),
	[OPT_OIDC_CLIENT_ID] = TEXT_KEY("OidcClientId", "", "client id at the OpenID provider"),
	[OPT_OIDC_CLIENT_SECRET] = SECRET_KEY("OidcClientSecret",
	    "client secret at the OpenID provider"),
	[OPT_OIDC_WELL_KNOWN] = URL_KEY("OidcWellKnown", "",
	    "URL of the provider's configuration, from which the form fills the next three"),
	[OPT_OIDC_AUTHORIZATION_ENDPOINT] = URL_KEY("OidcAuthorizationEndpoint", "",
	    "URL where the browser is sent"),
	[OPT_OIDC_TOKEN_ENDPOINT] = URL_KEY("OidcTokenEndpoint", "",
	    "URL where the code becomes a token"),
	[OPT_OIDC_USERINFO_ENDPOINT] = URL_KEY("OidcUserinfoEndpoint", "",
	    "URL that tells who the token's user is"),
	[OPT_WECHAT_AUTH_ENABLED] = BOOL_KEY("WeChatAuthEnabled", "false", "sign in with WeChat"),
	[OPT_WECHAT_SERVER_ADDRESS] = URL_KEY("WeChatServerAddress", "",
	    "URL of the WeChat bridge server"),
	[OPT_WECHAT_SERVER_TOKEN] = SECRET_KEY("WeChatServerToken", "what the bridge server asks for"),
	[OPT_WECHAT_QRCODE] = TEXT_KEY("WeChatAccountQRCodeImageURL", "",
	    "URL of the picture that users scan"),
	[OPT_TURNSTILE_CHECK_ENABLED] = BOOL_KEY("TurnstileCheckEnabled", "false",
	    "ask for a Turnstile check where robots may come"),
	[OPT_TURNSTILE_SITE_KEY] = TEXT_KEY("TurnstileSiteKey", "", "site key at Turnstile"),
	[OPT_TURNSTILE_SECRET_KEY] = SECRET_KEY("TurnstileSecretKey", "secret key at Turnstile"),
	[OPT_TURNSTILE_LOGIN_ENABLED] = BOOL_KEY("TurnstileLoginEnabled", "false",
	    "ask for it at password sign-in, too; only pages that know of it can sign in then"),
	/* mail and messages */
	[OPT_SMTP_SERVER] = TEXT_KEY("SMTPServer", "", "host that takes our mail"),
	[OPT_SMTP_PORT] = INT_KEY("SMTPPort", "587", 1, 65535, "its port; 465 means TLS at once"),
	[OPT_SMTP_ACCOUNT] = TEXT_KEY("SMTPAccount", "", "user name there"),
	[OPT_SMTP_FROM] = TEXT_KEY("SMTPFrom", "", "sender of our mail; empty: the account"),
	[OPT_SMTP_TOKEN] = SECRET_KEY("SMTPToken", "password there"),
	[OPT_MESSAGE_PUSHER_ADDRESS] = URL_KEY("MessagePusherAddress", "",
	    "URL of a push gateway that gets channel notices instead of mail"),
	[OPT_MESSAGE_PUSHER_TOKEN] = SECRET_KEY("MessagePusherToken", "what the push gateway asks for"),
	/* the site */
	[OPT_SYSTEM_NAME] = TEXT_KEY("SystemName", "One API", "name of the site, also in mail"),
	[OPT_LOGO] = TEXT_KEY("Logo", "", "URL of the logo"),
	[OPT_FOOTER] = TEXT_KEY("Footer", "", "HTML at the foot of every page"),
	[OPT_NOTICE] = TEXT_KEY("Notice", "", "notice shown to everybody, Markdown or HTML"),
	[OPT_ABOUT] = TEXT_KEY("About", "", "the page About: Markdown, HTML or an https URL"),
	[OPT_HOME_PAGE_CONTENT] = TEXT_KEY("HomePageContent", "",
	    "the home page: Markdown, HTML or an https URL"),
	[OPT_SERVER_ADDRESS] = URL_KEY("ServerAddress", "http://localhost:3000",
	    "URL of this site as users see it, base of links in mail"),
	[OPT_TOP_UP_LINK] = TEXT_KEY("TopUpLink", "", "URL where users buy quota"),
	[OPT_CHAT_LINK] = TEXT_KEY("ChatLink", "", "URL of a chat page for users"),
	[OPT_CHAT_APPS] = TEXT_KEY("ChatApps", "",
	    "JSON object name -> link with {key}, {url}, {url!} and {chat}: chat programs beside keys"),
	[OPT_THEME] = CHOICE_KEY("Theme", "default", "default,berry,air", "look of the web pages"),
	/* money and relay */
	[OPT_QUOTA_FOR_NEW_USER] = INT_KEY("QuotaForNewUser", "0", 0, QUOTA_MAX,
	    "quota that every new user gets"),
	[OPT_QUOTA_FOR_INVITEE] = INT_KEY("QuotaForInvitee", "0", 0, QUOTA_MAX,
	    "quota in addition for who registers with an invitation"),
	[OPT_QUOTA_FOR_INVITER] = INT_KEY("QuotaForInviter", "0", 0, QUOTA_MAX,
	    "quota for who invited"),
	[OPT_QUOTA_REMIND_THRESHOLD] = INT_KEY("QuotaRemindThreshold", "1000", 0, QUOTA_MAX,
	    "quota below which a user is reminded by mail"),
	[OPT_PRE_CONSUMED_QUOTA] = INT_KEY("PreConsumedQuota", "500", 0, QUOTA_MAX,
	    "quota reserved at least before a request"),
	[OPT_QUOTA_PER_UNIT] = DOUBLE_KEY("QuotaPerUnit", "500000", 1e-6, QUOTA_MAX,
	    "quota to a US dollar, for display; more than 0"),
	[OPT_DISPLAY_IN_CURRENCY_ENABLED] = BOOL_KEY("DisplayInCurrencyEnabled", "true",
	    "show dollars instead of quota"),
	[OPT_DISPLAY_TOKEN_STAT_ENABLED] = BOOL_KEY("DisplayTokenStatEnabled", "true",
	    "the billing routes tell of the key instead of its user"),
	[OPT_MODEL_RATIO] = RATIOS_KEY("ModelRatio", "",
	    "JSON object model -> price, 1 is one quota a token; empty: the built-in prices"),
	[OPT_COMPLETION_RATIO] = RATIOS_KEY("CompletionRatio", "",
	    "JSON object model -> price of output to input; empty: the built-in ones"),
	[OPT_GROUP_RATIO] = RATIOS_KEY("GroupRatio", "{\"default\":1,\"svip\":1,\"vip\":1}",
	    "JSON object group -> factor on prices; its names are the groups"),
	[OPT_RETRY_TIMES] = INT_KEY("RetryTimes", "0", 0, 20,
	    "further channels to try when an upstream fails"),
	[OPT_APPROXIMATE_TOKEN_ENABLED] = BOOL_KEY("ApproximateTokenEnabled", "false",
	    "estimate tokens by length instead of counting them"),
	[OPT_LOG_CONSUME_ENABLED] = BOOL_KEY("LogConsumeEnabled", "true",
	    "write a log row for every charge"),
	[OPT_LOG_DELETE_ROOT_ONLY_ENABLED] = BOOL_KEY("LogDeleteRootOnlyEnabled", "false",
	    "only root may delete old log rows; else every administrator may, and the audit log tells"),
	[OPT_UNPRICED_MODEL] = CHOICE_KEY("UnpricedModel", "refuse", "refuse,free,ratio",
	    "a model without a price: refuse it, give it away, or charge the ratio 30"),
	[OPT_MODEL_PRICE] = { "ModelPrice", OPTION_PRICES, "{}", 0, 0, 0, NULL,
	    "JSON object model -> prices over the built-in ones: cached, cache_write, cache_write_1h,"
	    " audio_in, image_in, reasoning, audio_out, image_out as factors on the input price;"
	    " per_image (or an object QUALITY/SIZE -> price), per_minute, per_million_characters,"
	    " per_million_trained, per_request in US dollars; batch as a factor on all of it (0.5);"
	    " tiers as [{above,input,output}]; a number is per_request" },
	/* choosing channels */
	[OPT_CIRCUIT_BREAKER_ENABLED] = BOOL_KEY("CircuitBreakerEnabled", "true",
	    "leave a channel and model alone for some seconds after failures in a row"),
	[OPT_CHANNEL_CHOICE] = CHOICE_KEY("ChannelChoice", "weight", "weight,latency",
	    "among channels of one priority: by weight alone, or the faster of two drawn by weight"),
	[OPT_CHANNEL_AFFINITY_MINUTES] = INT_KEY("ChannelAffinityMinutes", "10", 0, 1440,
	    "a conversation prefers the channel that served it last for so long; 0: never"),
	[OPT_MODEL_FALLBACKS] = { "ModelFallbacks", OPTION_CHAINS, "", 0, 0, 0, NULL,
	    "JSON object model or alias -> list of models to try when none could serve it" },
	/* limits */
	[OPT_RATE_LIMITS] = { "RateLimits", OPTION_LIMITS, "", 0, 0, 0, NULL,
	    "JSON object key, user, group, channel, address, … -> requests, tokens, budgets" },
	[OPT_CHANNEL_WAIT] = INT_KEY("ChannelWait", "0", 0, 600,
	    "seconds that a request waits for a channel that is at its limit; 0: it does not"),
	[OPT_REPLY_DETAIL_HEADERS] = CHOICE_KEY("ReplyDetailHeaders", "off", "off,admin,all",
	    "who is told channel, upstream model and cost in reply headers: nobody, administrators, all"),
	[OPT_STRICT_PARAMS] = BOOL_KEY("StrictParams", "false",
	    "refuse a request with a parameter that its provider cannot honour, instead of dropping it"),
	[OPT_KEY_ONCE_ENABLED] = BOOL_KEY("KeyOnceEnabled", "false",
	    "an API key is shown when it is made and never again"),
	/* watching channels */
	[OPT_CHANNEL_DISABLE_THRESHOLD] = DOUBLE_KEY("ChannelDisableThreshold", "5", 0, 10000,
	    "seconds; a channel slower than this in a test of all is disabled; 0: no limit"),
	[OPT_AUTOMATIC_DISABLE_CHANNEL_ENABLED] = BOOL_KEY("AutomaticDisableChannelEnabled", "false",
	    "disable channels that fail for good"),
	[OPT_AUTOMATIC_ENABLE_CHANNEL_ENABLED] = BOOL_KEY("AutomaticEnableChannelEnabled", "false",
	    "enable those again that pass a test"),
};
/* clang-format on */

int option_find(struct str name)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		if (str_eq_c(name, option_keys[i].name))
			return i;
	}
	return -1;
}

/* ---- checking ---- */

static bool refuse(const struct option_key *k, const char *why, struct err *err)
{
	return err_set(err, ERR_BAD_REQUEST, "option '%s' %s", k->name, why);
}

static bool check_bool(const struct option_key *k, struct str value, struct err *err)
{
	return str_eq(value, STR("true")) || str_eq(value, STR("false")) ||
	    refuse(k, "must be true or false", err);
}

static bool check_number(const struct option_key *k, struct str value, struct err *err)
{
	double d = 0;
	int64_t n;
	bool ok;

	if (k->type == OPTION_INT) {
		ok = str_to_int(value, (int64_t)k->min, (int64_t)k->max, &n);
	} else {
		ok = str_to_double(value, &d) && isfinite(d) && d >= k->min && d <= k->max;
	}
	return ok ||
	    err_set(err, ERR_BAD_REQUEST, "option '%s' must be %s between %.15g and %.15g", k->name,
	        k->type == OPTION_INT ? "a whole number" : "a number", k->min, k->max);
}

/* Blanks around it are taken off where it is used. */
static bool is_url(struct str value)
{
	struct str url = str_trim(value);
	size_t host = str_starts_nocase(url, STR("https://")) ? 8 : 7;

	if (host == 7 && !str_starts_nocase(url, STR("http://")))
		return false;
	for (size_t i = 0; i < url.n; i++) {
		unsigned char c = (unsigned char)url.p[i];

		if (c <= ' ' || c == 0x7f || c == '"' || c == '<' || c == '>')
			return false;
	}
	return url.n > host && url.p[host] != '/';
}

static bool check_text(const struct option_key *k, struct str value, struct err *err)
{
	if (!str_is_utf8(value) || str_find(value, '\0') < value.n)
		return refuse(k, "must be text", err);
	if ((k->flags & OPTION_URL) && value.n && !is_url(value))
		return refuse(k, "must be an http or https URL", err);
	if (k->choices && (value.n == 0 || !str_list_has(str_c(k->choices), value)))
		return err_set(err, ERR_BAD_REQUEST, "option '%s' must be one of %s", k->name,
		    k->choices);
	return true;
}

/* Items are domains: what a browser or a person leaves around them is allowed, inside nothing is.
 */
static bool check_list(const struct option_key *k, struct str value, struct err *err)
{
	struct str item;

	while (str_next(&value, ',', &item)) {
		item = str_trim(item);
		for (size_t i = 0; i < item.n; i++) {
			unsigned char c = (unsigned char)item.p[i];

			if (c <= ' ' || c == 0x7f || c == '@')
				return refuse(k, "must be a list of domains", err);
		}
	}
	return true;
}

/* Empty stands for the built-in table. */
static bool check_ratios(const struct option_key *k, struct str value, struct err *err)
{
	struct err why = { 0 };

	return value.n == 0 || ratios_check(value, &why) ||
	    err_set(err, ERR_BAD_REQUEST, "option '%s': %s", k->name, why.msg);
}

static bool check_chains(const struct option_key *k, struct str value, struct err *err)
{
	struct err why = { 0 };

	return chains_check(value, &why) ||
	    err_set(err, ERR_BAD_REQUEST, "option '%s': %s", k->name, why.msg);
}

static bool check_limits(const struct option_key *k, struct str value, struct err *err)
{
	struct err why = { 0 };

	return limit_check(value, &why) ||
	    err_set(err, ERR_BAD_REQUEST, "option '%s': %s", k->name, why.msg);
}

static bool check_prices(const struct option_key *k, struct str value, struct err *err)
{
	struct price_option o;
	struct price_entry entry;
	struct arena *a;
	bool ok, more = true;

	if (!price_option_open(value, PRICE_NEW, &o, err))
		return false;
	a = arena_new(4096);
	do {
		ok = price_option_next(&o, a, &entry, &more, err);
	} while (ok && more);
	arena_free(a);
	return ok;
}

bool option_check(enum option_id id, struct str value, struct err *err)
{
	static bool (*const checks[])(const struct option_key *, struct str, struct err *) = {
		[OPTION_BOOL] = check_bool,
		[OPTION_INT] = check_number,
		[OPTION_DOUBLE] = check_number,
		[OPTION_TEXT] = check_text,
		[OPTION_LIST] = check_list,
		[OPTION_RATIOS] = check_ratios,
		[OPTION_PRICES] = check_prices,
		[OPTION_CHAINS] = check_chains,
		[OPTION_LIMITS] = check_limits,
	};
	const struct option_key *k = &option_keys[id];

	if (value.n > VALUE_MAX)
		return refuse(k, "is too long", err);
	return checks[k->type](k, value, err);
}

/* ---- loading and saving ---- */

/* "option.<name>" */
static const char *aad_of(enum option_id id, char out[64])
{
	int n = snprintf(out, 64, "option.%s", option_keys[id].name);

	assert(n > 0 && n < 64);
	return out;
}

/* text has passed its check. */
static void set(struct options *o, enum option_id id, struct str text, bool is_set)
{
	o->v[id].text = text;
	o->v[id].is_set = is_set;
	o->v[id].n = 0;
	o->v[id].d = 0;
	switch (option_keys[id].type) {
	case OPTION_BOOL:
		o->v[id].n = str_eq(text, STR("true"));
		break;
	case OPTION_INT:
		if (!str_to_int(text, INT64_MIN, INT64_MAX, &o->v[id].n))
			assert(0);
		break;
	case OPTION_DOUBLE:
		if (!str_to_double(text, &o->v[id].d))
			assert(0);
		break;
	case OPTION_TEXT:
	case OPTION_LIST:
	case OPTION_RATIOS:
	case OPTION_PRICES:
	case OPTION_CHAINS:
	case OPTION_LIMITS:
		break;
	}
}

/* An empty table would mean no groups and no prices: it is how one asks for the built-in one. */
static bool is_built_in(enum option_id id, struct str text)
{
	return option_keys[id].type == OPTION_RATIOS && text.n == 0;
}

/* Prices that nobody would be allowed to save now: price.c makes the best of them (price_option.h),
 * for what is priced badly is not to become what is not priced. */
static bool check_stored(enum option_id id, struct str text, struct err *err)
{
	struct price_option o;
	struct err why = { 0 };

	if (option_keys[id].type == OPTION_RATIOS || option_keys[id].type == OPTION_PRICES)
		return (text.n <= VALUE_MAX && price_option_open(text, PRICE_STORED, &o, &why)) ||
		    refuse(&option_keys[id], "is no JSON object", err);
	return option_check(id, text, err);
}

static void load_one(const struct secret_box *box, struct arena *a, enum option_id id,
    struct str stored, struct options *out)
{
	struct str text = arena_str(a, stored);
	struct err err = { 0 };
	char aad[64];

	if ((option_keys[id].flags & OPTION_SECRET) &&
	    !secret_open(box, a, aad_of(id, aad), text, &text))
		err_set(&err, ERR_CONFIG, "option '%s' cannot be opened", option_keys[id].name);
	else if (check_stored(id, text, &err) && !is_built_in(id, text))
		set(out, id, text, true);
	if (err.kind != ERR_NONE)
		log_warn(NULL, "option.invalid", LOG_ERR(&err));
}

bool option_load(struct db *db, const struct secret_box *box, struct arena *a, struct options *out,
    struct err *err)
{
	static const char sql[] = "SELECT name, value FROM options";
	struct rows rows;

	for (int i = 0; i < OPTION_COUNT; i++)
		set(out, (enum option_id)i, str_c(option_keys[i].fallback), false);
	if (!db_query(db, sql, BIND_NONE, &rows, err))
		return false;
	while (rows_next(&rows)) {
		int id = option_find(rows_text(&rows, 0));

		if (id >= 0)
			load_one(box, a, (enum option_id)id, rows_text(&rows, 1), out);
	}
	return rows_close(&rows, err);
}

static bool write_row(struct db *db, struct str name, struct str value, struct err *err)
{
	static const char update_sql[] = "UPDATE options SET value = ? WHERE name = ?";
	static const char insert_sql[] = "INSERT INTO options (name, value) VALUES (?, ?)";
	int64_t changed;

	if (!db_run(db, update_sql, BIND(v_text(value), v_text(name)), &changed, err))
		return false;
	return changed > 0 || db_run(db, insert_sql, BIND(v_text(name), v_text(value)), NULL, err);
}

bool option_write(struct db *db, const struct secret_box *box, enum option_id id, struct str value,
    struct err *err)
{
	struct arena *a = arena_new(4096);
	char aad[64];
	bool ok;

	if (option_keys[id].flags & OPTION_SECRET)
		value = secret_seal(box, a, aad_of(id, aad), value);
	ok = write_row(db, str_c(option_keys[id].name), value, err) && catalog_bump(db, err);
	arena_free(a);
	return ok;
}

bool option_save(struct db *db, const struct secret_box *box, enum option_id id, struct str value,
    struct err *err)
{
	if (!option_check(id, value, err) || !db_begin(db, err))
		return false;
	if (option_write(db, box, id, value, err))
		return db_commit(db, err);
	db_rollback(db);
	return false;
}

/* ---- rows that nobody here knows ---- */

bool option_is_foreign(struct db *db, struct str name, bool *is, struct err *err)
{
	static const char sql[] = "SELECT COUNT(*) FROM options WHERE name = ?";
	int64_t count;

	*is = false;
	if (option_find(name) >= 0)
		return true;
	if (!db_number(db, sql, BIND(v_text(name)), &count, err))
		return false;
	*is = count > 0;
	return true;
}

bool option_foreign(struct db *db, struct arena *a, struct option_row **rows, size_t *count,
    struct err *err)
{
	static const char sql[] = "SELECT name, value FROM options ORDER BY name";
	static const struct field fields[] = {
		FIELD(struct option_row, name, 0),
		FIELD(struct option_row, value, 0),
		{ 0 },
	};
	struct rows found;
	void *items;
	size_t n = 0;

	if (!db_query(db, sql, BIND_NONE, &found, err) ||
	    !rows_all(&found, fields, sizeof(struct option_row), a, &items, count, err))
		return false;
	*rows = items;
	for (size_t i = 0; i < *count; i++) {
		if (option_find((*rows)[i].name) < 0)
			(*rows)[n++] = (*rows)[i];
	}
	*count = n;
	return true;
}

bool option_write_foreign(struct db *db, struct str name, struct str value, struct err *err)
{
	if (value.n > VALUE_MAX || !str_is_utf8(value) || str_find(value, '\0') < value.n)
		return err_set(err, ERR_BAD_REQUEST, "option '%.*s' must be text", STR_ARG(name));
	return write_row(db, name, value, err);
}
