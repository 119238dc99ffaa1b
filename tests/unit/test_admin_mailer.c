/* test_admin_mailer.c — letters and notices on their way: mail server, push gateway, root's
 * address */
#include "admin_room.h"

#include "../../fcgi-admin/mailer.h"
#include "../fake_mail.h"
#include "../fake_web.h"

struct post {
	struct room m;
	struct fake_mail *mail;
	struct fake_web *push;
	struct arena *arena;
	char ca[64];
};

static void open_post(struct post *p)
{
	char port[16];

	room_open(&p->m);
	p->arena = arena_new(16 * 1024);
	snprintf(p->ca, sizeof p->ca, "/tmp/fake-mail-%d.pem", (int)getpid());
	p->mail = fake_mail_start(
	    &(struct fake_mail_setup){ .tls = FAKE_MAIL_STARTTLS, .ca_out = p->ca });
	p->push = fake_web_start(0);
	p->m.admin.ca_file = p->ca;
	snprintf(port, sizeof port, "%d", p->mail->port);
	room_option(&p->m, "SMTPServer", "127.0.0.1");
	room_option(&p->m, "SMTPPort", port);
	room_option(&p->m, "SMTPAccount", "gateway@example.org");
	room_option(&p->m, "SMTPToken", "mail secret");
	room_option(&p->m, "SystemName", "门户 <1>");
	room_settle(&p->m);
}

static void close_post(struct post *p)
{
	arena_free(p->arena);
	fake_mail_stop(p->mail);
	fake_web_stop(p->push);
	unlink(p->ca);
	room_close(&p->m);
}

static void set_push(struct post *p, int status, const char *reply)
{
	char address[64];

	snprintf(address, sizeof address, "http://127.0.0.1:%d/push/x", p->push->port);
	room_option(&p->m, "MessagePusherAddress", address);
	room_option(&p->m, "MessagePusherToken", "push secret");
	fake_web_reply(p->push, status, reply);
	room_settle(&p->m);
}

static const struct letter notice = {
	.kind = LETTER_NOTICE,
	.subject = STR_INIT("channel status change"),
	.html = STR_INIT("<p>channel <b>a &lt;b&gt;</b> was disabled</p>"),
};

static bool deliver(struct post *p, const struct letter *l, struct err *err)
{
	return mailer_deliver(&p->m.admin, p->m.db, p->arena, l, &(struct stop){ 0 }, err);
}

/* The sender is the account when no other is set; the site's name is escaped within the page. */
static void test_mail(void **state)
{
	struct letter l = {
		.kind = LETTER_MAIL,
		.recipient = STR("anna@example.org"),
		.subject = STR("hi"),
		.html = STR("<p>x</p>"),
	};
	struct fake_mail_got got;
	struct err err = { 0 };
	struct post p;
	char body[4096];

	open_post(&p);
	if (!deliver(&p, &l, &err))
		fail_msg("%s (%s)", err.msg, err.detail);
	assert_int_equal(fake_mail_count(p.mail), 1);
	fake_mail_get(p.mail, 0, &got);
	assert_true(got.tls);
	assert_string_equal(got.auth, "|gateway@example.org|mail secret");
	assert_string_equal(got.from, "<gateway@example.org>");
	assert_string_equal(got.to, "<anna@example.org>");
	fake_mail_body(&got, body, sizeof body);
	assert_non_null(strstr(body, "<p>x</p>"));
	assert_non_null(strstr(body, "门户 &lt;1&gt;"));
	assert_null(strstr(body, "<1>"));
	close_post(&p);
}

static void test_push(void **state)
{
	struct fake_web_asked asked;
	struct err err = { 0 };
	struct post p;

	open_post(&p);
	set_push(&p, 200, "{\"success\":true,\"message\":\"\"}");
	if (!deliver(&p, &notice, &err))
		fail_msg("%s (%s)", err.msg, err.detail);
	assert_int_equal(fake_web_last(p.push, &asked), 1);
	assert_non_null(strstr(asked.head, "POST /push/x HTTP/1.1\r\n"));
	assert_non_null(strcasestr(asked.head, "Content-Type: application/json\r\n"));
	assert_string_equal(asked.body,
	    "{\"title\":\"channel status change\",\"description\":\"channel a <b> was disabled\","
	    "\"content\":\"channel a <b> was disabled\",\"url\":\"\",\"channel\":\"\","
	    "\"token\":\"push secret\"}");
	assert_int_equal(fake_mail_count(p.mail), 0);
	close_post(&p);
}

/* Whatever is wrong with the gateway, root gets a mail instead; without an address nobody does. */
static void test_push_fails(void **state)
{
	static const struct {
		const char *name;
		int status;
		const char *reply;
	} cases[] = {
		{ "says no", 200, "{\"success\":false,\"message\":\"bad token\"}" },
		{ "an error", 500, "{\"success\":true}" },
		{ "no JSON", 200, "hello" },
		{ "elsewhere", 302, "{\"success\":true}" },
	};
	struct err why = { 0 };
	struct post p;

	open_post(&p);
	set_push(&p, 500, "");
	assert_false(deliver(&p, &notice, &why));
	room_must(user_set_email(p.m.db, p.m.root, STR("root@example.org"), &err));
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct fake_mail_got got;

		err_clear(&why);
		fake_web_reply(p.push, cases[i].status, cases[i].reply);
		if (!deliver(&p, &notice, &why))
			fail_msg("%s: %s (%s)", cases[i].name, why.msg, why.detail);
		assert_int_equal(fake_mail_count(p.mail), (int)i + 1);
		fake_mail_get(p.mail, (int)i, &got);
		assert_string_equal(got.to, "<root@example.org>");
	}
	close_post(&p);
}

static void test_not_configured(void **state)
{
	struct letter l = { .kind = LETTER_MAIL, .recipient = STR("a@example.org") };
	struct err err = { 0 };
	struct post p;

	open_post(&p);
	room_option(&p.m, "SMTPServer", "");
	room_settle(&p.m);
	assert_false(deliver(&p, &l, &err));
	assert_int_equal(fake_mail_count(p.mail), 0);
	close_post(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_push),
		cmocka_unit_test(test_push_fails),
		cmocka_unit_test(test_not_configured),
	};

	return cmocka_run_group_tests_name("mailer", tests, NULL, NULL);
}
