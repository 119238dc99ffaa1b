/* test_admin_login.c — signing in: imported passwords, throttling, second factor, access token's
 * use */
#include "admin_room.h"

#include "../app_code.h"
#include "base/clock.h"
#include "base/password.h"

#define BCRYPT_OF_UUU "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"

static struct answer login(struct room *m, const char *name, const char *password)
{
	char body[256];

	snprintf(body, sizeof body, "{\"username\":\"%s\",\"password\":\"%s\"}", name, password);
	return room_as(m, NULL, "POST", "/api/user/login", body);
}

/* ---- passwords ------------------------------------------------------------------------------- */

static void test_imported_hash(void **state)
{
	struct arena *a = arena_new(4096);
	struct user u;
	struct room m;
	int64_t epoch;

	room_open(&m);
	room_set_hash(&m, m.anna, STR(BCRYPT_OF_UUU));
	must_have("wrong", login(&m, "anna", "U*V"), "Wrong user name or password");
	room_must(user_by_id(m.db, a, m.anna, &u, &err));
	assert_true(str_eq_c(u.password, BCRYPT_OF_UUU));
	epoch = u.session_epoch;

	/* the password was changed while the new hash was made */
	room_must(user_renew_hash(m.db, m.anna, STR("another"), STR("late"), &err));
	room_must(user_by_id(m.db, a, m.anna, &u, &err));
	assert_true(str_eq_c(u.password, BCRYPT_OF_UUU));

	must_have("right", login(&m, "anna", "U*U"), SUCCESS);
	room_must(user_by_id(m.db, a, m.anna, &u, &err));
	assert_true(password_is_current(u.password));
	assert_int_equal(u.session_epoch, epoch);
	must_have("again", login(&m, "anna", "U*U"), SUCCESS);
	arena_free(a);
	room_close(&m);
}

/* ---- names that look like addresses ---------------------------------------------------------- */

/* boss had the name before it was refused; the address was verified as anna's. */
static void test_address_as_name(void **state)
{
	struct room m;

	room_open(&m);
	room_must(
	    db_script(m.db, "UPDATE users SET username = 'a@b.cd' WHERE username = 'boss'", &err));
	room_set_password(&m, m.boss, "boss his own");
	must_have("a name only", login(&m, "a@b.cd", "boss his own"), "\"id\":2,");

	room_must(user_set_email(m.db, m.anna, STR("a@b.cd"), &err));
	must_have("the address's owner", login(&m, "A@b.cd", ROOM_PASSWORD), "\"id\":3,");
	must_have("nobody else", login(&m, "a@b.cd", "boss his own"), "Wrong user name");
	must_have("by name as ever", login(&m, "anna", ROOM_PASSWORD), "\"id\":3,");

	/* an old database's doubles are nobody's address */
	room_must(db_script(m.db,
	    "UPDATE users SET email = 'a@b.cd', email_shared = 1 "
	    "WHERE username IN ('anna', 'root')",
	    &err));
	must_have("doubles", login(&m, "a@b.cd", ROOM_PASSWORD), "Wrong user name");
	room_close(&m);
}

static void test_address_as_new_name(void **state)
{
	static const struct step steps[] = {
		{ "made by an administrator", "boss", "POST", "/api/user",
		    "{\"username\":\"a@b.cd\",\"password\":\"password 1\"}", 200, "Invalid input",
		    NULL },
		{ "registered", NULL, "POST", "/api/user/register",
		    "{\"username\":\"a@b.cd\",\"password\":\"password 1\",\"email\":\"a@b.cd\"}",
		    200, "Invalid input", NULL },
		{ "chosen", "anna", "PUT", "/api/user/self", "{\"username\":\"a@b.cd\"}", 200,
		    "Invalid input", NULL },
		{ "given", "boss", "PUT", "/api/user", "{\"id\":3,\"username\":\"a@b.cd\"}", 200,
		    "Invalid input", NULL },
		{ "an @ alone", "anna", "PUT", "/api/user/self", "{\"username\":\"@nna\"}", 200,
		    "Invalid input", NULL },
	};
	struct room m;

	room_open(&m);
	room_walk(&m, steps, COUNT_OF(steps));
	room_must(user_set_email(m.db, m.anna, STR("a@b.cd"), &err));
	must_have("another's",
	    room_as(&m, "boss", "PUT", "/api/user/self", "{\"username\":\"a@b.cd\"}"),
	    "Invalid input");
	must_have("the own one",
	    room_as(&m, "anna", "PUT", "/api/user/self", "{\"username\":\"A@b.cd\"}"), SUCCESS);
	must_have("is kept",
	    room_as(&m, "anna", "PUT", "/api/user/self",
	        "{\"username\":\"A@b.cd\",\"display_name\":\"x\"}"),
	    SUCCESS);
	room_close(&m);
}

/* Addresses differ, the account is the same: wrong passwords count, right ones do not. */
static void test_account_throttle(void **state)
{
	static const char right[] = "{\"username\":\"anna\",\"password\":\"" ROOM_PASSWORD "\"}";
	static const char wrong[] = "{\"username\":\"Anna\",\"password\":\"not this\"}";
	struct room m;
	char addr[32];

	room_open(&m);
	for (int i = 0; i < 25; i++) {
		struct ask_headers h = { .addr = addr };

		snprintf(addr, sizeof addr, "198.51.100.%d", i);
		must_have("right", room_ask(&m, "POST", "/api/user/login", right, &h), SUCCESS);
	}
	for (int i = 0; i < 21; i++) {
		struct ask_headers h = { .addr = addr };
		struct answer a;

		snprintf(addr, sizeof addr, "203.0.113.%d", i);
		a = room_ask(&m, "POST", "/api/user/login", wrong, &h);
		if (a.status != (i < 20 ? 200 : 429))
			fail_msg("try %d: got %d %s", i, a.status, a.body);
		if (i == 20)
			assert_true(*a.retry_after >= '1' && *a.retry_after <= '9');
	}
	must_have("another account", login(&m, "boss", ROOM_PASSWORD), SUCCESS);
	room_close(&m);
}

/* ---- the second factor ----------------------------------------------------------------------- */

struct enrolled {
	char secret[64], cookie[128], recovery[10][16];
};

static void enrol(struct room *m, struct enrolled *e)
{
	char body[64], code[9], old[128];
	struct answer a = login(m, "anna", ROOM_PASSWORD);

	room_keep_cookie(a, old);
	a = room_with(m, old, "POST", "/api/user/totp", "{\"password\":\"" ROOM_PASSWORD "\"}");
	must_have("begin", a, SUCCESS);
	snprintf(e->secret, sizeof e->secret, "%.*s", STR_ARG(json_str_at(a.tree, "data.secret")));
	must_have("uri", a, "otpauth://totp/One%20API:anna?secret=");
	must_have("not in force yet", login(m, "anna", ROOM_PASSWORD), SUCCESS);

	app_code(e->secret, 0, code);
	snprintf(body, sizeof body, "{\"code\":\"%s\"}", code);
	a = room_with(m, old, "POST", "/api/user/totp/confirm", body);
	must_have("confirm", a, SUCCESS);
	room_keep_cookie(a, e->cookie);
	for (int i = 0; i < 10; i++) {
		char path[64];

		snprintf(path, sizeof path, "data.recovery_codes.%d", i);
		snprintf(e->recovery[i], sizeof e->recovery[i], "%.*s",
		    STR_ARG(json_str_at(a.tree, path)));
		assert_int_equal(strlen(e->recovery[i]), 11);
	}
	/* what was signed in without it is not any more */
	assert_int_equal(room_with(m, old, "GET", "/api/user/self", NULL).status, 401);
	assert_int_equal(room_with(m, e->cookie, "GET", "/api/user/self", NULL).status, 200);
}

static struct answer second_step(struct room *m, const char *ticket, const char *code)
{
	char body[256];

	snprintf(body, sizeof body, "{\"ticket\":\"%s\",\"code\":\"%s\"}", ticket, code);
	return room_as(m, NULL, "POST", "/api/user/login/totp", body);
}

static void first_step(struct room *m, char ticket[128])
{
	struct answer a = login(m, "anna", ROOM_PASSWORD);

	must_have("asks for the code", a, FAILURE);
	must_have("says which", a, "\"second_factor\":\"totp\"");
	assert_string_equal(a.cookie, "");
	snprintf(ticket, 128, "%.*s", STR_ARG(json_str_at(a.tree, "data.ticket")));
}

static void test_totp_login(void **state)
{
	char ticket[128], code[9], cookie[128];
	struct enrolled e;
	struct answer a;
	struct room m;

	room_open(&m);
	enrol(&m, &e);
	first_step(&m, ticket);
	must_have("wrong code", second_step(&m, ticket, "000000"), "The code is wrong");
	app_code(e.secret, 1, code);
	a = second_step(&m, ticket, code);
	must_have("right code", a, "\"data\":{\"id\":3,\"username\":\"anna\"");
	room_keep_cookie(a, cookie);
	assert_int_equal(room_with(&m, cookie, "GET", "/api/user/self", NULL).status, 200);

	must_have("a ticket once", second_step(&m, ticket, code), "The sign-in took too long");
	first_step(&m, ticket);
	must_have("a code once", second_step(&m, ticket, code), "was used already");
	must_have("a recovery code", second_step(&m, ticket, e.recovery[0]), SUCCESS);
	first_step(&m, ticket);
	must_have("that one once", second_step(&m, ticket, e.recovery[0]), "The code is wrong");
	must_have("an invented ticket", second_step(&m, "3.0123456789abcdef0123456789abcdef", code),
	    "The sign-in took too long");
	must_have("no ticket", second_step(&m, "", code), "The sign-in took too long");
	a = room_with(&m, cookie, "GET", "/api/user/security", NULL);
	must_have("what is left", a, "\"totp\":true,\"recovery_codes\":9,\"has_password\":true");
	room_close(&m);
}

static struct answer login_with(struct room *m, const char *name, const char *code)
{
	char body[256];

	snprintf(body, sizeof body, "{\"username\":\"%s\",\"password\":\"%s\",\"code\":\"%s\"}",
	    name, ROOM_PASSWORD, code);
	return room_as(m, NULL, "POST", "/api/user/login", body);
}

static void test_totp_in_one_step(void **state)
{
	char code[9];
	struct enrolled e;
	struct room m;

	room_open(&m);
	enrol(&m, &e);
	app_code(e.secret, 1, code);
	must_have("together", login_with(&m, "anna", code), SUCCESS);
	must_have("where it is not asked for", login_with(&m, "boss", "123456"), SUCCESS);
	must_have("not twice", login_with(&m, "anna", code), "was used already");
	room_close(&m);
}

static void test_totp_guessing(void **state)
{
	char ticket[128];
	struct enrolled e;
	struct room m;
	int refused = -1;

	room_open(&m);
	enrol(&m, &e);
	first_step(&m, ticket);
	for (int i = 0; i < 15 && refused < 0; i++) {
		if (second_step(&m, ticket, "123456").status == 429)
			refused = i;
	}
	assert_int_equal(refused, 10);
	room_close(&m);
}

static void test_totp_ticket_expires(void **state)
{
	char ticket[128], code[9];
	struct enrolled e;
	struct room m;

	room_open(&m);
	enrol(&m, &e);
	first_step(&m, ticket);
	clock_test_advance(301 * 1000);
	app_code(e.secret, 0, code);
	must_have("too late", second_step(&m, ticket, code), "The sign-in took too long");
	room_close(&m);
}

/* Whoever had the old password has nothing left of it. */
static void test_totp_ticket_of_old_password(void **state)
{
	char ticket[128], code[9];
	struct enrolled e;
	struct room m;

	room_open(&m);
	enrol(&m, &e);
	first_step(&m, ticket);
	must_have("changed",
	    room_with(&m, e.cookie, "PUT", "/api/user/self", "{\"password\":\"another one\"}"),
	    SUCCESS);
	app_code(e.secret, 0, code);
	must_have("void", second_step(&m, ticket, code), "The sign-in took too long");
	room_close(&m);
}

static void test_totp_setting_up(void **state)
{
	char body[64], code[9];
	struct enrolled e;
	struct answer a;
	struct room m;

	room_open(&m);
	must_have("wrong password",
	    room_as(&m, "anna", "POST", "/api/user/totp", "{\"password\":\"no\"}"),
	    "The current password is wrong");
	must_have("nothing begun",
	    room_as(&m, "anna", "POST", "/api/user/totp/confirm", "{\"code\":\"123456\"}"),
	    "No second factor");
	enrol(&m, &e);
	must_have("twice",
	    room_as(&m, "anna", "POST", "/api/user/totp", "{\"password\":\"" ROOM_PASSWORD "\"}"),
	    "in force already");
	must_have("disable needs a code",
	    room_as(&m, "anna", "POST", "/api/user/totp/disable", "{\"code\":\"000000\"}"),
	    "The code is wrong");

	snprintf(body, sizeof body, "{\"code\":\"%s\"}", e.recovery[3]);
	a = room_as(&m, "anna", "POST", "/api/user/totp/recovery", body);
	must_have("new codes", a, "\"recovery_codes\":[");
	snprintf(body, sizeof body, "{\"code\":\"%s\"}", e.recovery[4]);
	must_have("old codes are void", room_as(&m, "anna", "POST", "/api/user/totp/disable", body),
	    "The code is wrong");
	app_code(e.secret, 1, code);
	snprintf(body, sizeof body, "{\"code\":\"%s\"}", code);
	must_have("disable", room_as(&m, "anna", "POST", "/api/user/totp/disable", body), SUCCESS);
	must_have("one step again", login(&m, "anna", ROOM_PASSWORD), SUCCESS);
	room_close(&m);
}

static void test_totp_by_administrator(void **state)
{
	static const char off[] = "{\"username\":\"anna\",\"action\":\"disable_totp\"}";
	struct enrolled e;
	struct room m;

	room_open(&m);
	enrol(&m, &e);
	must_have("not by users", room_as(&m, "anna", "POST", "/api/user/manage", off),
	    "Insufficient permission");
	must_have("by an administrator", room_as(&m, "boss", "POST", "/api/user/manage", off),
	    SUCCESS);
	must_have("one step again", login(&m, "anna", ROOM_PASSWORD), SUCCESS);
	must_have("not above oneself",
	    room_as(&m, "boss", "POST", "/api/user/manage",
	        "{\"username\":\"root\",\"action\":\"disable_totp\"}"),
	    "No permission");
	room_close(&m);
}

/* ---- access tokens --------------------------------------------------------------------------- */

static void test_token_use(void **state)
{
	struct room m;
	struct answer a;
	int64_t first;

	room_open(&m);
	room_as(&m, "anna", "GET", "/api/user/self", NULL);
	a = room_as(&m, "anna", "GET", "/api/user/security", NULL);
	first = json_int_at(a.tree, "data.access_token_used_at", 0);
	assert_int_equal(first, clock_unix());
	clock_test_advance(120 * 1000);
	room_as(&m, "anna", "GET", "/api/user/self", NULL);
	a = room_as(&m, "anna", "GET", "/api/user/security", NULL);
	assert_true(json_int_at(a.tree, "data.access_token_used_at", 0) >= first + 119);
	room_close(&m);
}

static void test_announced(void **state)
{
	struct room m;

	room_open(&m);
	must_have("status", room_as(&m, NULL, "GET", "/api/status", NULL), "\"auth.totp\"");
	room_close(&m);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_imported_hash),
		cmocka_unit_test(test_address_as_name),
		cmocka_unit_test(test_address_as_new_name),
		cmocka_unit_test(test_account_throttle),
		cmocka_unit_test(test_totp_login),
		cmocka_unit_test(test_totp_in_one_step),
		cmocka_unit_test(test_totp_guessing),
		cmocka_unit_test(test_totp_ticket_expires),
		cmocka_unit_test(test_totp_ticket_of_old_password),
		cmocka_unit_test(test_totp_setting_up),
		cmocka_unit_test(test_totp_by_administrator),
		cmocka_unit_test(test_token_use),
		cmocka_unit_test(test_announced),
	};

	clock_test_stop(); /* what is counted in time must not ask how fast this machine is */
	return cmocka_run_group_tests_name("login", tests, NULL, NULL);
}
