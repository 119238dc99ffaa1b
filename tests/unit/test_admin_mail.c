/* test_admin_mail.c — messages as RFC 5322 wants them, and sending them to a mail server */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../fcgi-admin/mail.h"
#include "../../fcgi-admin/smtp.h"
#include "../fake_mail.h"
#include "base/clock.h"
#include "base/err.h"

static void test_addresses(void **state)
{
	static const struct {
		const char *address;
		bool want;
	} cases[] = {
		{ "a@example.org", true },
		{ "first.last+tag@sub.example.org", true },
		{ "o'neil!#$%&*/=?^_`{|}~-@example.org", true },
		{ "A@EXAMPLE.ORG", true },
		{ "", false },
		{ "a", false },
		{ "@example.org", false },
		{ "a@", false },
		{ "a@localhost", false },
		{ "a@b@example.org", false },
		{ ".a@example.org", false },
		{ "a.@example.org", false },
		{ "a..b@example.org", false },
		{ "a b@example.org", false },
		{ "a@exam ple.org", false },
		{ "a@-example.org", false },
		{ "a@example-.org", false },
		{ "a@example..org", false },
		{ "a@example.org.", false },
		{ "a@example.org\r\nBcc: b@example.org", false },
		{ "a@example.org>", false },
		{ "\"a\"@example.org", false },
		{ "\xc3\xa4@example.org", false },
		{ "a@[127.0.0.1]", false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (mail_address_ok(str_c(cases[i].address)) != cases[i].want)
			fail_msg("'%s': want %d", cases[i].address, cases[i].want);
	}
}

static void test_recipients(void **state)
{
	struct str to[MAIL_RECIPIENTS_MAX];

	assert_int_equal(mail_recipients(STR(" a@example.org ;b@example.org; "), to), 2);
	assert_true(str_eq_c(to[0], "a@example.org"));
	assert_true(str_eq_c(to[1], "b@example.org"));
	assert_int_equal(mail_recipients(STR("a@example.org;nobody"), to), 0);
	assert_int_equal(mail_recipients(STR(""), to), 0);
}

/* Base64 of the words is computed by hand from RFC 4648's table. */
static void test_compose(void **state)
{
	struct arena *a = arena_new(4096);
	struct buf out = buf_init(1 << 20);
	struct mail m = {
		.from_name = STR("One API"),
		.from = STR("noreply@example.org"),
		.to = STR("a@example.org;b@example.org"),
		.subject = STR("\xc3\xa4\r\nBcc: x@example.org"),
		.html = STR("<p>hi</p>"),
	};
	struct err err = { 0 };
	struct str text, line;

	assert_true(mail_compose(a, &m, &out, &err));
	text = buf_str(&out);
	assert_true(
	    str_has(text, STR("\r\nFrom: =?UTF-8?B?T25lIEFQSQ==?= <noreply@example.org>\r\n")));
	assert_true(str_has(text, STR("\r\nTo: <a@example.org>,\r\n <b@example.org>\r\n")));
	assert_true(
	    str_has(text, STR("\r\nSubject: =?UTF-8?B?w6QNCkJjYzogeEBleGFtcGxlLm9yZw==?=\r\n")));
	assert_false(str_has(text, STR("Bcc:")));
	assert_true(str_has(text, STR("@example.org>\r\nMIME-Version: 1.0\r\n")));
	assert_true(str_has(text, STR("\r\n\r\nPHA+aGk8L3A+\r\n")));
	assert_true(str_starts(text, STR("Date: ")));
	while (str_next(&text, '\n', &line)) {
		if (line.n > 79)
			fail_msg("a line of %zu bytes", line.n);
		if (line.n > 0 && line.p[line.n - 1] != '\r')
			fail_msg("a line without CR: %.*s", STR_ARG(line));
	}
	buf_release(&out);
	arena_free(a);
}

/* A word holds whole characters only, and at most 75 letters. */
static void test_long_subject(void **state)
{
	struct arena *a = arena_new(4096);
	struct buf out = buf_init(1 << 20);
	struct mail m = {
		.from_name = STR("x"),
		.from = STR("noreply@example.org"),
		.to = STR("a@example.org"),
		.subject = STR("系统通知系统通知系统通知系统通知系统通知"),
		.html = STR("x"),
	};
	struct err err = { 0 };

	assert_true(mail_compose(a, &m, &out, &err));
	/* 15 characters of three bytes are 45 bytes, the other five 15. */
	assert_non_null(strstr(out.data,
	    "\r\nSubject: "
	    "=?UTF-8?B?57O757uf6YCa55+l57O757uf6YCa55+l57O757uf6YCa55+l57O757uf6YCa?=\r\n"
	    " =?UTF-8?B?55+l57O757uf6YCa55+l?=\r\n"));
	buf_release(&out);
	arena_free(a);
}

static void test_bad_mail(void **state)
{
	static const struct {
		const char *name, *from, *to;
	} cases[] = {
		{ "header in the receiver", "a@example.org",
		    "b@example.org\r\nBcc: c@example.org" },
		{ "no sender", "", "b@example.org" },
		{ "header in the sender", "a@example.org\r\nX: y", "b@example.org" },
		{ "no receiver", "a@example.org", ";" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena *a = arena_new(1024);
		struct buf out = buf_init(4096);
		struct mail m = { .from = str_c(cases[i].from), .to = str_c(cases[i].to) };
		struct err err = { 0 };

		if (mail_compose(a, &m, &out, &err))
			fail_msg("%s: composed", cases[i].name);
		buf_release(&out);
		arena_free(a);
	}
}

static void test_html(void **state)
{
	struct arena *a = arena_new(4096);
	struct str page = mail_page(a, STR("A & B"), STR("<b>"), STR("<p>in</p>"));

	assert_true(str_eq_c(mail_escape(a, STR("<a href=\"x\">&'")),
	    "&lt;a href=&quot;x&quot;&gt;&amp;&#39;"));
	assert_true(str_has(page, STR("<h2 style=\"margin-top:0\">&lt;b&gt;</h2>")));
	assert_true(str_has(page, STR("<p>in</p>")));
	assert_true(str_has(page, STR("A &amp; B")));
	assert_true(
	    str_eq_c(mail_plain(a, STR("<p>channel <b>x</b>\n&lt;3&gt;</p>")), "channel x <3>"));
	assert_true(str_eq_c(mail_plain(a, STR("<unclosed")), ""));
	arena_free(a);
}

/* ---- to a server ----------------------------------------------------------------------------- */

struct sending {
	struct arena *arena;
	struct fake_mail *server;
	char ca[64];
	struct smtp smtp;
	struct fake_mail_got got;
};

static void begin(struct sending *s, struct fake_mail_setup setup)
{
	memset(s, 0, sizeof(*s));
	s->arena = arena_new(4096);
	snprintf(s->ca, sizeof(s->ca), "/tmp/fake-mail-%d.pem", (int)getpid());
	setup.ca_out = s->ca;
	s->server = fake_mail_start(&setup);
	s->smtp = (struct smtp){
		.host = STR("127.0.0.1"),
		.port = s->server->port,
		.from = STR("noreply@example.org"),
		.from_name = STR("One API"),
		.ca_file = s->ca,
		.timeout_ms = 4000,
	};
}

static void end(struct sending *s)
{
	fake_mail_stop(s->server);
	unlink(s->ca);
	arena_free(s->arena);
}

static bool send_one(struct sending *s, struct err *err)
{
	return smtp_send(s->arena, &s->smtp, STR("a@example.org; b@example.org"), STR("hello"),
	    STR("<p>.\r\nbody</p>"), err);
}

static void test_plain(void **state)
{
	struct err err = { 0 };
	struct sending s;
	char body[1024];

	begin(&s, (struct fake_mail_setup){ .tls = FAKE_MAIL_PLAIN });
	if (!send_one(&s, &err))
		fail_msg("%s (%s)", err.msg, err.detail);
	assert_int_equal(fake_mail_count(s.server), 1);
	fake_mail_get(s.server, 0, &s.got);
	assert_string_equal(s.got.from, "<noreply@example.org>");
	assert_string_equal(s.got.to, "<a@example.org><b@example.org>");
	assert_string_equal(s.got.auth, "");
	assert_non_null(strstr(s.got.data, "Subject: =?UTF-8?B?aGVsbG8=?=\r\n"));
	fake_mail_body(&s.got, body, sizeof(body));
	assert_string_equal(body, "<p>.\r\nbody</p>");
	end(&s);
}

static void test_starttls(void **state)
{
	struct err err = { 0 };
	struct sending s;

	begin(&s, (struct fake_mail_setup){ .tls = FAKE_MAIL_STARTTLS });
	s.smtp.account = STR("me");
	s.smtp.token = STR("secret");
	if (!send_one(&s, &err))
		fail_msg("%s (%s)", err.msg, err.detail);
	fake_mail_get(s.server, 0, &s.got);
	assert_true(s.got.tls);
	assert_string_equal(s.got.auth, "|me|secret");
	end(&s);
}

/* Whoever stands in between must not read the password: no TLS, no letter. */
static void test_refusals(void **state)
{
	static const struct {
		const char *name, *ca;
		struct fake_mail_setup setup;
		const char *account;
	} cases[] = {
		{ "certificate of nobody we know", "/etc/ssl/certs/ca-certificates.crt",
		    { .tls = FAKE_MAIL_STARTTLS }, "me" },
		{ "the same without a password", "/etc/ssl/certs/ca-certificates.crt",
		    { .tls = FAKE_MAIL_STARTTLS }, NULL },
		{ "receiver refused", NULL, { .refuse = true }, NULL },
		{ "says nothing", NULL, { .silent = true }, NULL },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t began = clock_mono_ms();
		struct err err = { 0 };
		struct sending s;

		begin(&s, cases[i].setup);
		s.smtp.timeout_ms = 1500;
		if (cases[i].ca)
			s.smtp.ca_file = cases[i].ca;
		if (cases[i].account) {
			s.smtp.account = str_c(cases[i].account);
			s.smtp.token = STR("secret-word");
		}
		if (send_one(&s, &err))
			fail_msg("%s: was sent", cases[i].name);
		if (err.kind != ERR_UPSTREAM || strstr(err.msg, "secret-word") ||
		    strstr(err.detail, "secret-word"))
			fail_msg("%s: kind %d, %s (%s)", cases[i].name, err.kind, err.msg,
			    err.detail);
		if (clock_mono_ms() - began > 30000) /* it ends at all */
			fail_msg("%s: took %d ms", cases[i].name, (int)(clock_mono_ms() - began));
		assert_int_equal(fake_mail_count(s.server), 0);
		end(&s);
	}
}

/* A name other than this machine's own must offer TLS before it gets a password. */
static void test_password_needs_tls(void **state)
{
	struct err err = { 0 };
	struct sending s;

	begin(&s, (struct fake_mail_setup){ .tls = FAKE_MAIL_PLAIN });
	s.smtp.host = STR("0.0.0.0"); /* reaches the stand-in, but is not one of our own names */
	s.smtp.account = STR("me");
	s.smtp.token = STR("secret");
	assert_false(send_one(&s, &err));
	assert_int_equal(fake_mail_count(s.server), 0);
	end(&s);
}

static bool at_once(const void *arg)
{
	return *(const bool *)arg;
}

static void test_stop(void **state)
{
	int64_t began = clock_mono_ms();
	struct err err = { 0 };
	bool yes = true;
	struct sending s;

	begin(&s, (struct fake_mail_setup){ .silent = true });
	s.smtp.timeout_ms = 60000;
	s.smtp.stop = (struct stop){ at_once, &yes };
	assert_false(send_one(&s, &err));
	assert_true(clock_mono_ms() - began < 30000); /* not by its timeout */
	end(&s);
}

static void test_bad_host(void **state)
{
	static const char *const hosts[] = { "", "a/b", "a@b", "mail example", "a?b", "a\r\nb" };

	for (size_t i = 0; i < COUNT_OF(hosts); i++) {
		struct arena *a = arena_new(1024);
		struct smtp s = {
			.host = str_c(hosts[i]),
			.port = 25,
			.from = STR("a@example.org"),
			.from_name = STR("x"),
		};
		struct err err = { 0 };

		if (smtp_send(a, &s, STR("b@example.org"), STR("x"), STR("x"), &err))
			fail_msg("'%s' was taken", hosts[i]);
		arena_free(a);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_compose),
		cmocka_unit_test(test_long_subject),
		cmocka_unit_test(test_bad_mail),
		cmocka_unit_test(test_html),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_starttls),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_password_needs_tls),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_bad_host),
	};

	return cmocka_run_group_tests_name("mail", tests, NULL, NULL);
}
