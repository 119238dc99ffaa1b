/* test_rotate.c — fcgi-admin rotate-secret: as a program, over a database that this test filled
 *
 * No web server: each case has a folder of its own, and runs ../../bin/fcgi-admin on it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../stack.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/secret.h"
#include "store/channel.h"
#include "store/db.h"
#include "store/migrate.h"
#include "store/reseal.h"
#include "store/token.h"

#define OLD_SECRET "the secret there was so far"
#define NEW_SECRET "the secret from now on, quite"

struct room {
	char dir[64];
	char output[4096]; /* of the program's last run */
	struct arena *arena;
};

#define MUST(call)                                                                                 \
	do {                                                                                       \
		struct err err = { 0 };                                                            \
		if (!(call))                                                                       \
			fail_msg("%s: %s (%s)", #call, err.msg, err.detail);                       \
	} while (0)

static struct secret_box *open_box(const struct room *m, const char *secret)
{
	struct secret_box *box = NULL;

	MUST(secret_box_open(m->dir, secret, &box, &err));
	return box;
}

static void fill(struct room *m, const char *secret)
{
	struct secret_box *box = open_box(m, secret);
	struct token key = { .user_id = 1, .status = 1, .key = STR("clientkey"), .name = STR("k") };
	struct channel c = { .type = 1,
		.key = STR("sk-up"),
		.models = STR("m"),
		.group = STR("g") };
	struct db *db = NULL;
	bool right = false;

	MUST(db_open("", m->dir, &db, &err));
	MUST(migrate(db, &err));
	MUST(reseal_check(db, box, &right, &err));
	MUST(db_script(db, "INSERT INTO users (username) VALUES ('u')", &err));
	MUST(token_insert(db, box, m->arena, &key, &err));
	MUST(channel_insert(db, box, &c, 1, &err));
	db_close(db);
	secret_box_free(box);
}

/* Does this secret open all there is? */
static bool opens(struct room *m, const char *secret)
{
	struct secret_box *box = open_box(m, secret);
	struct token_owner owner;
	struct channel c = { 0 };
	struct err none = { 0 };
	uint8_t hash[SECRET_HASH_LEN];
	struct db *db = NULL;
	bool right = false, found;

	MUST(db_open("", m->dir, &db, &err));
	MUST(reseal_check(db, box, &right, &err));
	secret_hash(box, "token", STR("clientkey"), hash);
	found = token_find(db, m->arena, hash, &owner, &none);
	MUST(channel_by_id(db, box, m->arena, 1, &c, &err));
	db_close(db);
	secret_box_free(box);
	assert_int_equal(right, found);
	assert_int_equal(right, str_eq_c(c.key, "sk-up"));
	return right;
}

static void room_open(struct room *m)
{
	*m = (struct room){ .dir = "/tmp/rotate.XXXXXX", .arena = arena_new(4096) };
	assert_non_null(mkdtemp(m->dir));
}

static void room_close(struct room *m)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", m->dir);
	assert_int_equal(system(command), 0);
	arena_free(m->arena);
}

static void check_run(struct room *m, const char *argument, const char *secret,
    const char *new_secret, int want, const char *said)
{
	int got = stack_command(
	    &(struct stack_command){ .dir = m->dir,
	        .env = { stack_fmt("DATA_DIR=%s", m->dir), stack_fmt("SESSION_SECRET=%s", secret),
	            stack_fmt("NEW_SESSION_SECRET=%s", new_secret) },
	        .words = { argument } },
	    m->output, sizeof(m->output));

	if (got != want || !strstr(m->output, said))
		fail_msg("%s: got status %d, want %d and '%s': %s", argument, got, want, said,
		    m->output);
}

static void test_session_secret(void **state)
{
	struct room m;

	room_open(&m);
	fill(&m, OLD_SECRET);
	check_run(&m, "rotate-secret", OLD_SECRET, "", 1, "NEW_SESSION_SECRET");
	check_run(&m, "rotate-secret", OLD_SECRET, "short", 1, "shorter than");
	check_run(&m, "rotate-secret", "a secret of somebody else", NEW_SECRET, 1, "third secret");
	assert_true(opens(&m, OLD_SECRET));
	check_run(&m, "rotate-secret", OLD_SECRET, NEW_SECRET, 0, "sealed anew: 2 texts");
	assert_true(opens(&m, NEW_SECRET));
	assert_false(opens(&m, OLD_SECRET));
	/* once more does no harm */
	check_run(&m, "rotate-secret", OLD_SECRET, NEW_SECRET, 0, "already");
	assert_true(opens(&m, NEW_SECRET));
	/* neither secret is said */
	assert_null(strstr(m.output, NEW_SECRET));
	room_close(&m);
}

static void test_key_file(void **state)
{
	struct room m;
	struct stat st;
	char path[128];

	room_open(&m);
	fill(&m, "");
	check_run(&m, "rotate-secret", "", "", 0, "sealed anew: 2 texts");
	assert_true(opens(&m, ""));
	snprintf(path, sizeof(path), "%s/secret.key", m.dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_false(secret_next_exists(m.dir));
	room_close(&m);
}

/* It broke off after the database was written: the new key lies there, and is not in its place. */
static void test_broken_off(void **state)
{
	struct secret_box *from, *to = NULL;
	struct resealed done;
	struct db *db = NULL;
	struct room m;

	room_open(&m);
	fill(&m, "");
	from = open_box(&m, "");
	MUST(secret_box_open_next(m.dir, &to, &err));
	MUST(db_open("", m.dir, &db, &err));
	MUST(db_begin(db, &err));
	MUST(reseal_all(db, from, to, &done, &err));
	MUST(db_commit(db, &err));
	db_close(db);
	secret_box_free(from);
	secret_box_free(to);

	check_run(&m, "--check-config", "", "", 1, "rotate-secret again");
	check_run(&m, "rotate-secret", "", "", 0, "already");
	assert_true(opens(&m, ""));
	check_run(&m, "--check-config", "", "", 0, "fine");
	room_close(&m);
}

/* A program that runs holds the lock; nothing is touched then. */
static void test_beside_a_program(void **state)
{
	char path[128];
	struct room m;
	int fd;

	room_open(&m);
	fill(&m, OLD_SECRET);
	snprintf(path, sizeof(path), "%s/run.lock", m.dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	check_run(&m, "rotate-secret", OLD_SECRET, NEW_SECRET, 1, "a program is running");
	assert_true(opens(&m, OLD_SECRET));
	close(fd);
	check_run(&m, "rotate-secret", OLD_SECRET, NEW_SECRET, 0, "sealed anew");
	room_close(&m);
}

/* With another secret than the database's a program does not start. */
static void test_wrong_secret(void **state)
{
	struct room m;

	room_open(&m);
	fill(&m, OLD_SECRET);
	check_run(&m, "--check-config", "a secret of somebody else", "", 1,
	    "sealed under another secret");
	check_run(&m, "--check-config", OLD_SECRET, "", 0, "fine");
	room_close(&m);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session_secret),
		cmocka_unit_test(test_key_file),
		cmocka_unit_test(test_broken_off),
		cmocka_unit_test(test_beside_a_program),
		cmocka_unit_test(test_wrong_secret),
	};

	return cmocka_run_group_tests_name("rotate", tests, NULL, NULL);
}
