/* test_admin_reminders.c — mail to who runs out of quota: once for each crossing, to nobody else */
#include "admin_room.h"

#include "../../fcgi-admin/reminders.h"
#include "../../fcgi-admin/notice.h"
#include "billing/quota.h"
#include "store/outbox.h"

#define THRESHOLD 1000 /* QuotaRemindThreshold's default */

static void run(struct room *m, const char *sql)
{
	struct err err = { 0 };

	if (!db_script(m->db, sql, &err))
		fail_msg("%s: %s %s", sql, err.msg, err.detail);
}

static void put_option(struct room *m, const char *key, const char *value)
{
	room_option(m, key, value);
	room_settle(m);
}

static void open_site(struct room *m)
{
	room_open(m);
	put_option(m, "SMTPServer", "mail.example");
	put_option(m, "SMTPFrom", "gw@example.com");
	put_option(m, "ServerAddress", "https://gw.example/");
	put_option(m, "DisplayInCurrencyEnabled", "false");
}

/* anna has so much left, and an address. */
static void give(struct room *m, int64_t quota)
{
	static const char sql[] =
	    "UPDATE users SET quota = ?, granted = ? + used_quota, email = 'anna@example.com' "
	    "WHERE id = ?";

	room_must(db_run(m->db, sql, BIND(v_int(quota), v_int(quota), v_int(m->anna)), NULL, &err));
}

static struct hold hold_of(struct room *m, char id[16], int64_t amount)
{
	static int requests;

	snprintf(id, 16, "r%d", ++requests);
	return (struct hold){ .request_id = str_c(id),
		.user_id = m->anna,
		.amount = amount,
		.node = STR("n") };
}

static void charge(struct room *m, int64_t hold, int64_t cost)
{
	char id[16];
	struct hold h = hold_of(m, id, hold);
	struct logrow row = { .request_id = h.request_id, .quota = cost };
	bool settled;

	room_must(quota_reserve(m->db, &h, &err));
	room_must(quota_settle(m->db, &row, true, &settled, &err));
	assert_true(settled);
}

static void reserve_and_release(struct room *m, int64_t amount)
{
	char id[16];
	struct hold h = hold_of(m, id, amount);

	room_must(quota_reserve(m->db, &h, &err));
	room_must(quota_release(m->db, h.request_id, &err));
}

/* The letter that is due, then sent; NULL: none is. In room_arena. */
static const struct letter *next_letter(struct room *m)
{
	static struct letter l;
	bool found;

	room_must(outbox_take(m->db, m->admin.rt.box, room_arena, &l, &found, &err));
	if (found)
		room_must(outbox_sent(m->db, l.id, &err));
	return found ? &l : NULL;
}

static bool has(struct str text, const char *part)
{
	return str_find_str(text, str_c(part)) < text.n;
}

/* want NULL: no letter. */
static void expect(struct room *m, const char *name, const char *want)
{
	const struct letter *l;

	room_must(reminders_tell(&m->admin, m->db, &err));
	l = next_letter(m);
	if (!want) {
		if (l)
			fail_msg("%s: got the letter %.*s, want none", name, STR_ARG(l->html));
		return;
	}
	if (!l)
		fail_msg("%s: got no letter, want %s", name, want);
	if (!has(l->html, want))
		fail_msg("%s: got %.*s, want %s", name, STR_ARG(l->html), want);
	if (!str_eq_c(l->recipient, "anna@example.com"))
		fail_msg("%s: got a letter to %.*s", name, STR_ARG(l->recipient));
	if (next_letter(m))
		fail_msg("%s: got two letters", name);
}

static void test_crossings(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name;
		int64_t give; /* 0: nothing */
		int64_t hold, cost;
		const char *want;
	} cases[] = {
		{ "far above it", 5000, 100, 100, NULL },
		{ "a large hold, a small charge", 5000, 4990, 10, NULL },
		{ "to the threshold itself", THRESHOLD + 10, 10, 10, NULL },
		{ "below it", 0, 1, 1, "running out: 999 is left" },
		{ "further below", 0, 500, 500, NULL },
		{ "to nothing", 0, 499, 499, "used up (0 is left)" },
		{ "topped up and below again", THRESHOLD, 1, 1, "running out: 999 is left" },
		{ "over both at once", THRESHOLD + 5, 100, THRESHOLD + 7, "used up (-2 is left)" },
		{ "free of charge", THRESHOLD, 100, 0, NULL },
	};
	/* clang-format on */
	struct room m;

	open_site(&m);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (cases[i].give)
			give(&m, cases[i].give);
		charge(&m, cases[i].hold, cases[i].cost);
		expect(&m, cases[i].name, cases[i].want);
	}
	give(&m, THRESHOLD);
	reserve_and_release(&m, THRESHOLD);
	expect(&m, "a hold that is given back", NULL);
	room_close(&m);
}

static void test_threshold(void **state)
{
	struct room m;

	open_site(&m);
	put_option(&m, "QuotaRemindThreshold", "50");
	give(&m, 1001);
	charge(&m, 10, 10);
	expect(&m, "the built-in threshold is not this site's", NULL);
	charge(&m, 950, 950);
	expect(&m, "the site's", "running out: 41 is left");
	put_option(&m, "QuotaRemindThreshold", "0");
	give(&m, 10);
	charge(&m, 9, 9);
	expect(&m, "none: not before all is used", NULL);
	charge(&m, 1, 1);
	expect(&m, "all is used", "used up");
	room_close(&m);
}

static void test_who(void **state)
{
	struct room m;

	open_site(&m);
	give(&m, THRESHOLD);
	run(&m, "UPDATE users SET email = ''");
	charge(&m, 1, 1);
	expect(&m, "no address", NULL);

	give(&m, THRESHOLD);
	charge(&m, 1, 1);
	run(&m, "UPDATE users SET status = 2 WHERE username = 'anna'");
	expect(&m, "disabled meanwhile", NULL);
	run(&m, "UPDATE users SET status = 1 WHERE username = 'anna'");
	expect(&m, "is not told later", NULL);

	give(&m, THRESHOLD);
	charge(&m, 1, 1);
	room_must(quota_grant(m.db, m.anna, 100000, &err));
	expect(&m, "topped up meanwhile", NULL);

	put_option(&m, "SMTPServer", "");
	give(&m, THRESHOLD);
	charge(&m, 1, 1);
	expect(&m, "no mail server", NULL);
	put_option(&m, "SMTPServer", "mail.example");
	expect(&m, "nor when there is one again", NULL);
	room_close(&m);
}

/* As whoever signs in last reads it. */
static void test_language(void **state)
{
	const struct ask_headers chinese = { .language = "zh-CN" };
	static const char body[] = "{\"username\":\"anna\",\"password\":\"" ROOM_PASSWORD "\"}";
	const struct letter *l;
	struct room m;

	open_site(&m);
	give(&m, THRESHOLD);
	charge(&m, 1, 1);
	expect(&m, "unknown: English", "<a href=\"https://gw.example/topup\">Top up</a>");

	assert_non_null(
	    strstr(room_ask(&m, "POST", "/api/user/login", body, &chinese).body, SUCCESS));
	give(&m, THRESHOLD);
	charge(&m, 1, 1);
	room_must(reminders_tell(&m.admin, m.db, &err));
	l = next_letter(&m);
	assert_non_null(l);
	if (!has(l->html, "剩余 999") || !has(l->subject, "额度提醒"))
		fail_msg("got %.*s, %.*s", STR_ARG(l->subject), STR_ARG(l->html));

	assert_non_null(strstr(room_as(&m, NULL, "POST", "/api/user/login", body).body, SUCCESS));
	give(&m, THRESHOLD);
	charge(&m, 1, 1);
	expect(&m, "English again", "Top up");
	room_close(&m);
}

/* A name is somebody's input. */
static void test_escaped(void **state)
{
	struct room m;

	open_site(&m);
	run(&m, "UPDATE users SET username = '<b>x' WHERE username = 'anna'");
	give(&m, THRESHOLD);
	charge(&m, 1, 1);
	expect(&m, "escaped", "&lt;b&gt;x");
	room_close(&m);
}

/* Root's notices too are in the language of root's last sign-in. */
static void test_notice_language(void **state)
{
	static const char event_sql[] =
	    "INSERT INTO channel_events (channel_id, created_at, kind, name, cause) "
	    "VALUES (4, 1, 'disabled', 'a<b', 'no money')";
	static const struct {
		const char *language, *subject, *html;
	} cases[] = {
		{ "", "Channel status change", "Channel &quot;a&lt;b&quot; (#4) was disabled" },
		{ "zh", "渠道状态变更", "渠道 &quot;a&lt;b&quot;（#4）已被停用" },
	};
	static const char language_sql[] = "UPDATE users SET language = ? WHERE role = 100";
	struct room m;

	open_site(&m);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct letter *l;

		room_must(
		    db_run(m.db, language_sql, BIND(v_text(str_c(cases[i].language))), NULL, &err));
		run(&m, event_sql);
		room_must(notice_tell(m.db, m.admin.rt.box, &err));
		l = next_letter(&m);
		assert_non_null(l);
		if (!str_eq_c(l->subject, cases[i].subject) || !has(l->html, cases[i].html))
			fail_msg("got %.*s, %.*s, want %s, %s", STR_ARG(l->subject),
			    STR_ARG(l->html), cases[i].subject, cases[i].html);
	}
	room_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crossings),
		cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_language),
		cmocka_unit_test(test_escaped),
		cmocka_unit_test(test_notice_language),
	};

	return cmocka_run_group_tests_name("admin_reminders", tests, NULL, NULL);
}
