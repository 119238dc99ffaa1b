/* test_admin_passwords.c — what a new password ends */
#include "admin_room.h"

/* Whoever sets it: what was signed in by the old one is so no longer. */
static void test_password_ends_token(void **state)
{
	static const struct step steps[] = {
		{ "another name", "boss", "PUT", "/api/user", "{\"id\":3,\"display_name\":\"A\"}",
		    200, SUCCESS, NULL },
		{ "ends nothing", "anna", "GET", "/api/user/self", NULL, 200, SUCCESS, NULL },
		{ "by an administrator", "boss", "PUT", "/api/user",
		    "{\"id\":3,\"password\":\"another one\"}", 200, SUCCESS, NULL },
		{ "ended", "anna", "GET", "/api/user/self", NULL, 200,
		    "The access token is not valid", NULL },
		{ "one's own", "boss", "PUT", "/api/user/self", "{\"password\":\"another one\"}",
		    200, SUCCESS, NULL },
		{ "ended as well", "boss", "GET", "/api/user/self", NULL, 200,
		    "The access token is not valid", NULL },
		{ "nobody else's", "root", "GET", "/api/user/self", NULL, 200, SUCCESS, NULL },
	};

	room_try(steps, COUNT_OF(steps));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_password_ends_token),
	};

	return cmocka_run_group_tests_name("admin passwords", tests, NULL, NULL);
}
