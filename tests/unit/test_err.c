/* test_err.c — the table of kinds, the overrides, and where long texts are cut */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static const char ours[] = "one_api_error";
static const char request[] = "invalid_request_error";

/* relay.md 1, 2.2, 3, 12.2; adaptors/openai-and-azure.md 9. */
static const struct {
	enum err_kind kind;
	int status;
	const char *type, *code;
	enum err_origin origin;
} rows[] = {
	{ ERR_BAD_REQUEST, 400, request, "invalid_request_error", ERR_BY_CLIENT },
	{ ERR_INVALID_JSON, 400, ours, "invalid_json", ERR_BY_CLIENT },
	{ ERR_INVALID_TEXT, 400, ours, "invalid_text_request", ERR_BY_CLIENT },
	{ ERR_INVALID_IMAGE, 400, ours, "invalid_image_request", ERR_BY_CLIENT },
	{ ERR_INVALID_AUDIO, 400, ours, "invalid_audio_request", ERR_BY_CLIENT },
	{ ERR_PROMPT_MISSING, 400, ours, "prompt_missing", ERR_BY_CLIENT },
	{ ERR_SIZE_UNSUPPORTED, 400, ours, "size_not_supported", ERR_BY_CLIENT },
	{ ERR_PROMPT_TOO_LONG, 400, ours, "prompt_too_long", ERR_BY_CLIENT },
	{ ERR_N_RANGE, 400, ours, "n_not_within_range", ERR_BY_CLIENT },
	{ ERR_TEXT_TOO_LONG, 400, ours, "text_too_long", ERR_BY_CLIENT },
	{ ERR_UNSUPPORTED_MODE, 400, ours, "unsupported_mode", ERR_BY_CLIENT },
	{ ERR_TOO_LARGE, 413, ours, "request_too_large", ERR_BY_CLIENT },
	{ ERR_HEADERS_TOO_LARGE, 431, ours, "headers_too_large", ERR_BY_CLIENT },
	{ ERR_UNSUPPORTED_ENCODING, 415, ours, "unsupported_encoding", ERR_BY_CLIENT },
	{ ERR_NOT_FOUND, 404, request, "", ERR_BY_CLIENT },
	{ ERR_MODEL_NOT_FOUND, 404, request, "model_not_found", ERR_BY_CLIENT },
	{ ERR_TIMEOUT_REQUEST, 408, ours, "request_timeout", ERR_BY_CLIENT },
	{ ERR_RATE_LIMIT, 429, ours, "rate_limit_exceeded", ERR_BY_CLIENT },
	{ ERR_KEY_MISSING, 401, ours, "missing_api_key", ERR_BY_CLIENT },
	{ ERR_KEY_INVALID, 401, ours, "invalid_api_key", ERR_BY_CLIENT },
	{ ERR_KEY_CHECK, 500, ours, "token_check_failed", ERR_BY_GATEWAY },
	{ ERR_KEY_EXHAUSTED, 401, ours, "token_exhausted", ERR_BY_CLIENT },
	{ ERR_KEY_EXPIRED, 401, ours, "token_expired", ERR_BY_CLIENT },
	{ ERR_KEY_DISABLED, 401, ours, "token_disabled", ERR_BY_CLIENT },
	{ ERR_SUBNET, 403, ours, "subnet_denied", ERR_BY_CLIENT },
	{ ERR_USER_DISABLED, 403, ours, "user_disabled", ERR_BY_CLIENT },
	{ ERR_MODEL_DENIED, 403, ours, "model_not_allowed", ERR_BY_CLIENT },
	{ ERR_CHANNEL_PICK, 403, ours, "channel_pick_denied", ERR_BY_CLIENT },
	{ ERR_NO_QUOTA, 403, ours, "insufficient_user_quota", ERR_BY_CLIENT },
	{ ERR_NO_KEY_QUOTA, 403, ours, "pre_consume_token_quota_failed", ERR_BY_CLIENT },
	{ ERR_NO_PRICE, 503, ours, "model_price_missing", ERR_BY_GATEWAY },
	{ ERR_CHANNEL_INVALID, 400, ours, "invalid_channel", ERR_BY_CLIENT },
	{ ERR_CHANNEL_DISABLED, 403, ours, "channel_disabled", ERR_BY_CLIENT },
	{ ERR_NO_CHANNEL, 503, ours, "no_channel", ERR_BY_GATEWAY },
	{ ERR_UPSTREAM, 502, "server_error", "upstream_error", ERR_BY_UPSTREAM },
	{ ERR_UPSTREAM_AUTH, 502, "upstream_auth_error", "upstream_auth_error", ERR_BY_UPSTREAM },
	{ ERR_UPSTREAM_QUOTA, 502, "upstream_quota_error", "insufficient_quota", ERR_BY_UPSTREAM },
	{ ERR_UPSTREAM_UNREACHABLE, 502, "server_error", "upstream_unreachable", ERR_BY_UPSTREAM },
	{ ERR_UPSTREAM_TIMEOUT, 504, "timeout_error", "upstream_timeout", ERR_BY_UPSTREAM },
	{ ERR_UPSTREAM_TRUNCATED, 502, "server_error", "upstream_stream_truncated",
	    ERR_BY_UPSTREAM },
	{ ERR_UPSTREAM_BODY, 502, "server_error", "upstream_bad_reply", ERR_BY_UPSTREAM },
	{ ERR_CLIENT_GONE, 499, ours, "client_gone", ERR_BY_CLIENT },
	{ ERR_NOT_IMPLEMENTED, 501, ours, "api_not_implemented", ERR_BY_GATEWAY },
	{ ERR_BUSY, 503, ours, "gateway_busy", ERR_BY_GATEWAY },
	{ ERR_STORE, 503, ours, "store_unavailable", ERR_BY_GATEWAY },
	{ ERR_INTERNAL, 500, ours, "internal_error", ERR_BY_GATEWAY },
	{ ERR_CONFIG, 500, ours, "invalid_configuration", ERR_BY_GATEWAY },
};

static void test_table(void **state)
{
	assert_int_equal(COUNT_OF(rows), ERR_KIND_COUNT - 1);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *name = err_kind_name(rows[i].kind);
		struct err err;

		assert_int_equal(rows[i].kind, i + 1);
		assert_false(err_set(&err, rows[i].kind, "x"));
		if (err_status(&err) != rows[i].status)
			fail_msg("%s: got status %d, want %d", name, err_status(&err),
			    rows[i].status);
		if (strcmp(err_type(&err), rows[i].type) != 0)
			fail_msg("%s: got type %s, want %s", name, err_type(&err), rows[i].type);
		if (strcmp(err_code(&err), rows[i].code) != 0)
			fail_msg("%s: got code %s, want %s", name, err_code(&err), rows[i].code);
		if (err_origin(&err) != rows[i].origin)
			fail_msg("%s: got origin %d, want %d", name, err_origin(&err),
			    rows[i].origin);
	}
}

static void test_names_differ(void **state)
{
	for (int a = ERR_NONE; a < ERR_KIND_COUNT; a++) {
		const char *name = err_kind_name((enum err_kind)a);

		assert_non_null(name);
		assert_true(strlen(name) > 0);
		for (int b = a + 1; b < ERR_KIND_COUNT; b++)
			if (strcmp(name, err_kind_name((enum err_kind)b)) == 0)
				fail_msg("kinds %d and %d: got the same name %s", a, b, name);
	}
}

static void test_overrides(void **state)
{
	struct err err;

	err_set(&err, ERR_UPSTREAM, "slow down");
	err.status = 429;
	snprintf(err.type, sizeof(err.type), "rate_limit_error");
	snprintf(err.code, sizeof(err.code), "rate_limit_exceeded");
	assert_int_equal(err_status(&err), 429);
	assert_string_equal(err_type(&err), "rate_limit_error");
	assert_string_equal(err_code(&err), "rate_limit_exceeded");
	assert_int_equal(err_origin(&err), ERR_BY_UPSTREAM);

	/* The next fault starts anew. */
	err_detail(&err, "old");
	err.retry_after_s = 5;
	err.upstream_status = 429;
	snprintf(err.param, sizeof(err.param), "model");
	err_set(&err, ERR_INTERNAL, "n=%d", 1);
	assert_int_equal(err_status(&err), 500);
	assert_string_equal(err_code(&err), "internal_error");
	assert_string_equal(err.msg, "n=1");
	assert_string_equal(err.detail, "");
	assert_string_equal(err.param, "");
	assert_int_equal(err.retry_after_s, 0);
	assert_int_equal(err.upstream_status, 0);
}

static void test_detail_keeps_the_rest(void **state)
{
	struct err err;

	err_set(&err, ERR_STORE, "database is away");
	assert_false(err_detail(&err, "errno %d", 5));
	assert_int_equal(err.kind, ERR_STORE);
	assert_string_equal(err.msg, "database is away");
	assert_string_equal(err.detail, "errno 5");
	err_clear(&err);
	assert_int_equal(err.kind, ERR_NONE);
	assert_string_equal(err.msg, "");
	assert_string_equal(err.detail, "");
}

static void test_old_msg_as_argument(void **state)
{
	struct err err;

	err_set(&err, ERR_UPSTREAM, "inner");
	err_set(&err, ERR_INTERNAL, "outer: %s", err.msg);
	assert_string_equal(err.msg, "outer: inner");
	err_detail(&err, "why");
	err_detail(&err, "%s, and so", err.detail);
	assert_string_equal(err.detail, "why, and so");
}

/* msg holds 511 bytes; lead bytes of ASCII put the character across that line. */
static void test_cut_at_a_character(void **state)
{
	static const struct {
		const char *name, *character;
		size_t lead, want;
	} cases[] = {
		{ "ascii", "a", 0, 511 },
		{ "two bytes fit", "é", 1, 511 },
		{ "two bytes, torn after one", "é", 0, 510 },
		{ "three bytes fit", "世", 1, 511 },
		{ "three bytes, torn after two", "世", 2, 509 },
		{ "three bytes, torn after one", "世", 0, 510 },
		{ "four bytes fit", "😀", 3, 511 },
		{ "four bytes, torn after three", "😀", 0, 508 },
		{ "four bytes, torn after two", "😀", 1, 509 },
		{ "four bytes, torn after one", "😀", 2, 510 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char text[1200] = "";
		size_t size = strlen(cases[i].character), n = cases[i].lead;
		struct err err;

		memset(text, '.', n);
		for (; n < 1000; n += size)
			memcpy(text + n, cases[i].character, size + 1);
		err_set(&err, ERR_INTERNAL, "%s", text);
		err_detail(&err, "%s", text);
		if (strlen(err.msg) != cases[i].want || strlen(err.detail) != cases[i].want)
			fail_msg("%s: got %zu and %zu bytes, want %zu", cases[i].name,
			    strlen(err.msg), strlen(err.detail), cases[i].want);
		assert_true(str_is_utf8(str_c(err.msg)));
		assert_true(strncmp(err.msg, text, cases[i].want) == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_names_differ),
		cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_detail_keeps_the_rest),
		cmocka_unit_test(test_old_msg_as_argument),
		cmocka_unit_test(test_cut_at_a_character),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
