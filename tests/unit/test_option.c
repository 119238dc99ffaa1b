/* test_option.c — the catalogue of options, their checks, and table options */
#include "temp_db.h"

#include "store/channel.h"
#include "store/option.h"

static int64_t version(struct temp_db *t)
{
	int64_t v = -1;

	CHECK(catalog_version(t->db, &v, &t->err), &t->err);
	return v;
}

/* Every row is filled in, its name is unique, its default passes its own check. */
static void test_catalogue(void **state)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		const struct option_key *k = &option_keys[i];
		struct err err = { 0 };

		if (!k->name || !k->help || !k->fallback || strlen(k->help) < 5)
			fail_msg("option %d is not filled in", i);
		if (option_find(str_c(k->name)) != i)
			fail_msg("%s: found as %d, want %d", k->name, option_find(str_c(k->name)),
			    i);
		if (!option_check((enum option_id)i, str_c(k->fallback), &err))
			fail_msg("%s: default refused: %s", k->name, err.msg);
	}
	assert_int_equal(option_find(STR("NoSuchOption")), -1);
	assert_int_equal(option_find(STR("notice")), -1);
	assert_int_equal(option_find(STR("")), -1);
}

/* Defaults of the reference (options.md 2), as a client sees them. */
static void test_defaults(void **state)
{
	static const struct {
		const char *name, *want;
	} cases[] = {
		{ "PasswordLoginEnabled", "true" },
		{ "PasswordRegisterEnabled", "true" },
		{ "RegisterEnabled", "true" },
		{ "EmailVerificationEnabled", "false" },
		{ "EmailDomainRestrictionEnabled", "false" },
		{ "EmailDomainWhitelist",
		    "gmail.com,163.com,126.com,qq.com,outlook.com,"
		    "hotmail.com,icloud.com,yahoo.com,foxmail.com" },
		{ "GitHubOAuthEnabled", "false" },
		{ "OidcEnabled", "false" },
		{ "WeChatAuthEnabled", "false" },
		{ "WeChatAccountQRCodeImageURL", "" },
		{ "TurnstileCheckEnabled", "false" },
		{ "SMTPPort", "587" },
		{ "SystemName", "One API" },
		{ "ServerAddress", "http://localhost:3000" },
		{ "Theme", "default" },
		{ "QuotaForNewUser", "0" },
		{ "QuotaRemindThreshold", "1000" },
		{ "PreConsumedQuota", "500" },
		{ "QuotaPerUnit", "500000" },
		{ "DisplayInCurrencyEnabled", "true" },
		{ "DisplayTokenStatEnabled", "true" },
		{ "ModelRatio", "" },
		{ "RetryTimes", "0" },
		{ "ApproximateTokenEnabled", "false" },
		{ "LogConsumeEnabled", "true" },
		{ "ChannelDisableThreshold", "5" },
		{ "AutomaticDisableChannelEnabled", "false" },
		{ "AutomaticEnableChannelEnabled", "false" },
	};
	struct temp_db *t = *state;
	struct options o;

	CHECK(option_load(t->db, t->box, t->arena, &o, &t->err), &t->err);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int id = option_find(str_c(cases[i].name));

		if (id < 0)
			fail_msg("%s: unknown", cases[i].name);
		if (!str_eq_c(option_text(&o, (enum option_id)id), cases[i].want))
			fail_msg("%s: got '%.*s', want '%s'", cases[i].name,
			    STR_ARG(option_text(&o, (enum option_id)id)), cases[i].want);
		assert_false(o.v[id].is_set);
	}
	assert_int_equal(option_int(&o, OPT_SMTP_PORT), 587);
	assert_true(option_bool(&o, OPT_REGISTER_ENABLED));
	assert_false(option_bool(&o, OPT_OIDC_ENABLED));
	assert_true(option_double(&o, OPT_QUOTA_PER_UNIT) > 499999 &&
	    option_double(&o, OPT_QUOTA_PER_UNIT) < 500001);
}

/* Write-only are those that end in Token, Secret or SecretKey (options.md 1), and no others. */
static void test_secrets(void **state)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		struct str name = str_c(option_keys[i].name);
		bool want = str_ends(name, STR("Token")) || str_ends(name, STR("Secret")) ||
		    str_ends(name, STR("SecretKey"));

		if (((option_keys[i].flags & OPTION_SECRET) != 0) != want)
			fail_msg("%s: got secret %d", option_keys[i].name, !want);
	}
}

static void test_check(void **state)
{
	static const struct {
		const char *name;
		enum option_id id;
		const char *value;
		bool want;
	} cases[] = {
		{ "true", OPT_REGISTER_ENABLED, "true", true },
		{ "false", OPT_REGISTER_ENABLED, "false", true },
		{ "True", OPT_REGISTER_ENABLED, "True", false },
		{ "1 as bool", OPT_REGISTER_ENABLED, "1", false },
		{ "empty bool", OPT_REGISTER_ENABLED, "", false },
		{ "port", OPT_SMTP_PORT, "465", true },
		{ "port 0", OPT_SMTP_PORT, "0", false },
		{ "port too large", OPT_SMTP_PORT, "65536", false },
		{ "port with a blank", OPT_SMTP_PORT, " 25", false },
		{ "port of letters", OPT_SMTP_PORT, "smtp", false },
		{ "fraction as int", OPT_SMTP_PORT, "25.0", false },
		{ "URL", OPT_SERVER_ADDRESS, "https://ai.example.com/", true },
		{ "URL with a port", OPT_OIDC_TOKEN_ENDPOINT, "HTTP://127.0.0.1:8080/token?a=b",
		    true },
		{ "URL between blanks", OPT_MESSAGE_PUSHER_ADDRESS, " https://push.example.com ",
		    true },
		{ "no URL", OPT_WECHAT_SERVER_ADDRESS, "", true },
		{ "a name is no URL", OPT_SERVER_ADDRESS, "ai.example.com", false },
		{ "a script", OPT_SERVER_ADDRESS, "javascript:alert(1)", false },
		{ "a file", OPT_OIDC_WELL_KNOWN, "file:///etc/passwd", false },
		{ "URL without a host", OPT_OIDC_TOKEN_ENDPOINT, "https://", false },
		{ "URL of two lines", OPT_SERVER_ADDRESS, "https://a.example\r\nX: y", false },
		{ "URL that ends a tag", OPT_SERVER_ADDRESS, "https://a.example/\">", false },
		{ "quota", OPT_QUOTA_FOR_NEW_USER, "1000000", true },
		{ "negative quota", OPT_QUOTA_FOR_NEW_USER, "-1", false },
		{ "quota beyond int64", OPT_QUOTA_FOR_NEW_USER, "99999999999999999999", false },
		{ "unit", OPT_QUOTA_PER_UNIT, "500000.5", true },
		{ "unit 0", OPT_QUOTA_PER_UNIT, "0", false },
		{ "unit negative", OPT_QUOTA_PER_UNIT, "-1", false },
		{ "unit not a number", OPT_QUOTA_PER_UNIT, "nan", false },
		{ "unit infinite", OPT_QUOTA_PER_UNIT, "inf", false },
		{ "unit too large", OPT_QUOTA_PER_UNIT, "1e300", false },
		{ "threshold 0", OPT_CHANNEL_DISABLE_THRESHOLD, "0", true },
		{ "threshold fraction", OPT_CHANNEL_DISABLE_THRESHOLD, "2.5", true },
		{ "threshold empty", OPT_CHANNEL_DISABLE_THRESHOLD, "", false },
		{ "text", OPT_NOTICE, "<b>hello</b>\n", true },
		{ "text empty", OPT_NOTICE, "", true },
		{ "text not UTF-8", OPT_NOTICE, "\xff", false },
		{ "theme", OPT_THEME, "berry", true },
		{ "theme unknown", OPT_THEME, "dark", false },
		{ "theme empty", OPT_THEME, "", false },
		{ "theme list", OPT_THEME, "berry,air", false },
		{ "unpriced", OPT_UNPRICED_MODEL, "free", true },
		{ "unpriced unknown", OPT_UNPRICED_MODEL, "cheap", false },
		{ "domains", OPT_EMAIL_DOMAIN_WHITELIST, "a.com, b.org", true },
		{ "domains empty", OPT_EMAIL_DOMAIN_WHITELIST, "", true },
		{ "an address", OPT_EMAIL_DOMAIN_WHITELIST, "x@a.com", false },
		{ "blank inside", OPT_EMAIL_DOMAIN_WHITELIST, "a.com b.com", false },
		{ "ratios", OPT_MODEL_RATIO, "{\"gpt-4\":15,\"m(33)\":0.5,\"free\":0}", true },
		{ "ratios none", OPT_MODEL_RATIO, "{}", true },
		{ "ratios empty is built-in", OPT_MODEL_RATIO, "", true },
		{ "ratio negative", OPT_MODEL_RATIO, "{\"gpt-4\":-0.1}", false },
		{ "ratio at the limit", OPT_GROUP_RATIO, "{\"vip\":1000000}", true },
		{ "ratio beyond the limit", OPT_GROUP_RATIO, "{\"vip\":1000001}", false },
		{ "ratio as text", OPT_GROUP_RATIO, "{\"vip\":\"1\"}", false },
		{ "ratio null", OPT_GROUP_RATIO, "{\"vip\":null}", false },
		{ "ratio infinite", OPT_GROUP_RATIO, "{\"vip\":1e999}", false },
		{ "ratios an array", OPT_COMPLETION_RATIO, "[1]", false },
		{ "ratios cut", OPT_COMPLETION_RATIO, "{\"a\":1", false },
		{ "ratios and more", OPT_COMPLETION_RATIO, "{\"a\":1} x", false },
		{ "ratios not JSON", OPT_COMPLETION_RATIO, "a=1", false },
		{ "prices", OPT_MODEL_PRICE, "{\"m(33)\":{\"cached\":0.1},\"search\":0.01}", true },
		{ "prices none", OPT_MODEL_PRICE, "{}", true },
		{ "prices empty", OPT_MODEL_PRICE, "", true },
		{ "price unknown", OPT_MODEL_PRICE, "{\"m\":{\"cashed\":0.1}}", false },
		{ "price negative", OPT_MODEL_PRICE, "{\"m\":{\"cached\":-0.1}}", false },
		{ "second entry bad", OPT_MODEL_PRICE, "{\"m\":1,\"n\":null}", false },
		{ "prices not JSON", OPT_MODEL_PRICE, "m=1", false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };
		bool got = option_check(cases[i].id, str_c(cases[i].value), &err);

		if (got != cases[i].want)
			fail_msg("%s: got %d, want %d (%s)", cases[i].name, got, cases[i].want,
			    err.msg);
		if (!got &&
		    (err.kind != ERR_BAD_REQUEST ||
		        !strstr(err.msg, option_keys[cases[i].id].name)))
			fail_msg("%s: got %d '%s'", cases[i].name, (int)err.kind, err.msg);
	}
}

static void test_too_long(void **state)
{
	size_t n = 1024 * 1024 + 1;
	char *text = malloc(n);
	struct err err = { 0 };

	memset(text, 'a', n);
	assert_true(option_check(OPT_ABOUT, (struct str){ text, n - 1 }, &err));
	assert_false(option_check(OPT_ABOUT, (struct str){ text, n }, &err));
	assert_int_equal(err.kind, ERR_BAD_REQUEST);
	free(text);
}

static void test_save_and_load(void **state)
{
	static const struct {
		const char *name;
		enum option_id id;
		const char *value;
	} cases[] = {
		{ "bool", OPT_REGISTER_ENABLED, "false" },
		{ "int", OPT_SMTP_PORT, "25" },
		{ "the same once more", OPT_SMTP_PORT, "26" },
		{ "double", OPT_QUOTA_PER_UNIT, "1000.25" },
		{ "text", OPT_NOTICE, "it's 50% off" },
		{ "empty text", OPT_SYSTEM_NAME, "" },
		{ "list", OPT_EMAIL_DOMAIN_WHITELIST, "a.com" },
		{ "ratios", OPT_GROUP_RATIO, "{\"default\":1}" },
		{ "secret", OPT_SMTP_TOKEN, "mail password" },
		{ "secret removed", OPT_SMTP_TOKEN, "" },
	};
	struct temp_db *t = *state;
	struct options o;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t before = version(t);

		CHECK(option_save(t->db, t->box, cases[i].id, str_c(cases[i].value), &t->err),
		    &t->err);
		if (version(t) != before + 1)
			fail_msg("%s: the catalog version did not move", cases[i].name);
		CHECK(option_load(t->db, t->box, t->arena, &o, &t->err), &t->err);
		if (!str_eq_c(option_text(&o, cases[i].id), cases[i].value) ||
		    !o.v[cases[i].id].is_set)
			fail_msg("%s: got '%.*s', want '%s'", cases[i].name,
			    STR_ARG(option_text(&o, cases[i].id)), cases[i].value);
	}
	assert_false(option_bool(&o, OPT_REGISTER_ENABLED));
	assert_int_equal(option_int(&o, OPT_SMTP_PORT), 26);
	assert_true(option_double(&o, OPT_QUOTA_PER_UNIT) > 1000.2);
	assert_true(option_double(&o, OPT_QUOTA_PER_UNIT) < 1000.3);
}

static void test_refused_save(void **state)
{
	static const char sql[] = "SELECT COUNT(*) FROM options";
	struct temp_db *t = *state;
	int64_t before = version(t), n = -1;
	struct err err = { 0 };
	struct rows rows;

	assert_false(option_save(t->db, t->box, OPT_QUOTA_PER_UNIT, STR("0"), &err));
	assert_int_equal(err.kind, ERR_BAD_REQUEST);
	assert_int_equal(version(t), before);
	CHECK(db_query(t->db, sql, BIND_NONE, &rows, &t->err) && rows_number(&rows, &n, &t->err),
	    &t->err);
	assert_int_equal(n, 0);
}

static void test_sealed(void **state)
{
	static const char sql[] = "SELECT value FROM options WHERE name = 'SMTPToken'";
	static const char move_sql[] =
	    "UPDATE options SET name = 'GitHubClientSecret' WHERE name = 'SMTPToken'";
	struct temp_db *t = *state;
	struct options o;
	struct rows rows;

	CHECK(option_save(t->db, t->box, OPT_SMTP_TOKEN, STR("mail password"), &t->err), &t->err);
	CHECK(db_query(t->db, sql, BIND_NONE, &rows, &t->err), &t->err);
	assert_true(rows_next(&rows));
	assert_true(rows_text(&rows, 0).n > 0);
	assert_false(str_has(rows_text(&rows, 0), STR("password")));
	CHECK(rows_close(&rows, &t->err), &t->err);
	/* Bound to its name. */
	CHECK(db_run(t->db, move_sql, BIND_NONE, NULL, &t->err), &t->err);
	CHECK(option_load(t->db, t->box, t->arena, &o, &t->err), &t->err);
	CHECK_TEXT(option_text(&o, OPT_GITHUB_CLIENT_SECRET), "");
}

/* Rows of an import or of somebody's hand: what is unknown stays, what is wrong is the default. */
static void test_strange_rows(void **state)
{
	static const char insert_sql[] = "INSERT INTO options (name, value) VALUES "
	                                 "('RatioGPT4', '15'), ('smtpport', '1'), "
	                                 "('SMTPPort', 'many'), ('RetryTimes', '3')";
	static const char count_sql[] = "SELECT COUNT(*) FROM options";
	struct temp_db *t = *state;
	struct options o;
	struct rows rows;
	int64_t n = 0;

	CHECK(db_script(t->db, insert_sql, &t->err), &t->err);
	CHECK(option_load(t->db, t->box, t->arena, &o, &t->err), &t->err);
	assert_int_equal(option_int(&o, OPT_SMTP_PORT), 587);
	assert_false(o.v[OPT_SMTP_PORT].is_set);
	assert_int_equal(option_int(&o, OPT_RETRY_TIMES), 3);
	CHECK(db_query(t->db, count_sql, BIND_NONE, &rows, &t->err) &&
	        rows_number(&rows, &n, &t->err),
	    &t->err);
	assert_int_equal(n, 4);
}

/* Prices that nobody could save now are not dropped for those built in: what to make of each figure
 * is billing/price.h's business. What is no table at all is dropped. */
static void test_stored_prices(void **state)
{
	static const char insert_sql[] =
	    "INSERT INTO options (name, value) VALUES "
	    "('ModelRatio', '{\"m\":1e-9}'), ('ModelPrice', '{\"m\":{\"cached\":-1}}'), "
	    "('CompletionRatio', '[1]'), ('GroupRatio', 'a=1')";
	struct temp_db *t = *state;
	struct options o;

	CHECK(db_script(t->db, insert_sql, &t->err), &t->err);
	CHECK(option_load(t->db, t->box, t->arena, &o, &t->err), &t->err);
	CHECK_TEXT(option_text(&o, OPT_MODEL_RATIO), "{\"m\":1e-9}");
	CHECK_TEXT(option_text(&o, OPT_MODEL_PRICE), "{\"m\":{\"cached\":-1}}");
	assert_false(o.v[OPT_COMPLETION_RATIO].is_set);
	CHECK_TEXT(option_text(&o, OPT_GROUP_RATIO), "{\"default\":1,\"svip\":1,\"vip\":1}");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DB_TEST(test_catalogue),
		DB_TEST(test_defaults),
		DB_TEST(test_secrets),
		DB_TEST(test_check),
		DB_TEST(test_too_long),
		DB_TEST(test_save_and_load),
		DB_TEST(test_refused_save),
		DB_TEST(test_sealed),
		DB_TEST(test_strange_rows),
		DB_TEST(test_stored_prices),
	};

	return temp_db_run("option", tests, COUNT_OF(tests));
}
