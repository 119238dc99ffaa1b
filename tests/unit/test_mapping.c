/* test_mapping.c — one file, several processes: regions found again, files that do not fit made
 * anew, numbers given once, the dead taken back */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mapping.h"

static char folder[] = "/tmp/test_mapping.XXXXXX";
static char path[64];

static int make_folder(void **state)
{
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/shared", folder);
	return 0;
}

static int drop_folder(void **state)
{
	unlink(path);
	return rmdir(folder);
}

static int no_file(void **state)
{
	unlink(path);
	return 0;
}

static struct mapping *open_or_fail(const char *name)
{
	struct mapping *m = NULL;
	struct err err = { 0 };

	if (!mapping_open(name, &m, &err))
		fail_msg("open '%s': got %s", name, err.msg);
	return m;
}

static _Atomic(int64_t) *numbers(struct mapping *m, const char *name)
{
	return mapping_region(m, name, 100 * sizeof(int64_t));
}

/* ---- regions -------------------------------------------------------------------------------- */

static void test_regions(void **state)
{
	struct mapping *a = open_or_fail(path), *b = open_or_fail(path);
	_Atomic(int64_t) *one = numbers(a, "one"), *two = numbers(a, "two");
	char *larger;

	for (int i = 0; i < 100; i++)
		assert_int_equal(one[i], 0);
	one[99] = 7;
	two[0] = 8;
	assert_int_equal(numbers(b, "two")[0], 8);
	assert_int_equal(numbers(b, "one")[99], 7);
	larger = mapping_region(b, "one", 200 * sizeof(int64_t));
	for (size_t i = 0; i < 200 * sizeof(int64_t); i++)
		assert_int_equal(larger[i], 0);
	memset(larger, 0xff, 200 * sizeof(int64_t));
	assert_int_equal(one[99], 7);
	mapping_close(a);
	mapping_close(b);

	a = open_or_fail(path);
	assert_int_equal(numbers(a, "one")[99], 7);
	mapping_close(a);
}

static void test_sparse_and_private(void **state)
{
	struct mapping *m = open_or_fail(path);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, MAPPING_BYTES);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(st.st_blocks * 512 < 64 * 1024);
	mapping_close(m);
}

static void test_anonymous(void **state)
{
	struct mapping *a = open_or_fail(""), *b = open_or_fail("");

	numbers(a, "one")[0] = 1;
	assert_int_equal(numbers(a, "one")[0], 1);
	assert_int_equal(numbers(b, "one")[0], 0);
	assert_int_equal(mapping_slot(a), 0);
	assert_true(mapping_slot_alive(a, 0));
	assert_false(mapping_slot_alive(a, 1));
	mapping_reap(a);
	mapping_close(a);
	mapping_close(b);
}

/* ---- files that do not fit ------------------------------------------------------------------ */

static void write_at(long at, const char *text, size_t n)
{
	FILE *f = fopen(path, at < 0 ? "w" : "r+");

	assert_non_null(f);
	assert_int_equal(fseek(f, at < 0 ? 0 : at, SEEK_SET), 0);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* Where in the file the present boot id stands. */
static long boot_id_at(void)
{
	char page[4096], id[37] = "";
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
	char *found;

	assert_non_null(f);
	assert_int_equal(fread(id, 1, 36, f), 36);
	fclose(f);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fread(page, 1, sizeof(page), f), sizeof(page));
	fclose(f);
	found = memmem(page, sizeof(page), id, 36);
	assert_non_null(found);
	return found - page;
}

static void spoil_boot_id(void)
{
	write_at(boot_id_at(), "00000000-0000-0000", 18);
}

static void spoil_layout(void)
{
	write_at(0, "\1\2\3\4\5\6\7\10", 8);
}

static void spoil_size(void)
{
	assert_int_equal(truncate(path, MAPPING_BYTES / 2), 0);
}

static void spoil_all(void)
{
	write_at(-1, "not ours", 8);
}

static void test_made_anew(void **state)
{
	static const struct {
		const char *name;
		void (*spoil)(void);
	} cases[] = {
		{ "before the machine's last start", spoil_boot_id },
		{ "another layout", spoil_layout },
		{ "another size", spoil_size },
		{ "something else", spoil_all },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct mapping *m;

		unlink(path);
		m = open_or_fail(path);
		numbers(m, "one")[0] = 42;
		mapping_close(m);
		cases[i].spoil();
		m = open_or_fail(path);
		if (numbers(m, "one")[0] != 0)
			fail_msg("%s: got the old counts, want zero", cases[i].name);
		numbers(m, "one")[0] = 43;
		mapping_close(m);
		m = open_or_fail(path);
		if (numbers(m, "one")[0] != 43)
			fail_msg("%s: got another file at the next opening", cases[i].name);
		mapping_close(m);
	}
}

/* Who has the old file goes on with it undisturbed. */
static void test_replaced_while_in_use(void **state)
{
	struct mapping *old = open_or_fail(path), *new;
	_Atomic(int64_t) *n = numbers(old, "one");

	n[0] = 5;
	spoil_boot_id();
	new = open_or_fail(path);
	numbers(new, "one")[0] = 6;
	assert_int_equal(n[0], 5);
	mapping_close(new);
	mapping_close(old);
}

static void test_cannot_open(void **state)
{
	static const char *const cases[] = { "/tmp", "/nonexistent/shared", "/dev/null" };

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct mapping *m;
		struct err err = { 0 };

		if (mapping_open(cases[i], &m, &err))
			fail_msg("%s: got a mapping, want an error", cases[i]);
		if (err.kind != ERR_CONFIG || !strstr(err.msg, cases[i]))
			fail_msg("%s: got '%s', want an error that names it", cases[i], err.msg);
	}
}

/* ---- processes ------------------------------------------------------------------------------ */

struct reaped {
	int calls, slot;
	_Atomic(int64_t) *counts;
};

static void take_back(int slot, void *arg)
{
	struct reaped *r = arg;

	r->calls++;
	r->slot = slot;
	r->counts[slot] = 0;
}

/* A process that counts 3 up under its number and says which, then waits to be killed. */
static pid_t start_child(int *slot)
{
	int pipe_fds[2];
	pid_t child;

	assert_int_equal(pipe(pipe_fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct mapping *m;
		struct err err = { 0 };

		if (!mapping_open(path, &m, &err))
			_exit(1);
		*slot = mapping_slot(m);
		numbers(m, "counts")[*slot] += 3;
		if (write(pipe_fds[1], slot, sizeof(*slot)) != sizeof(*slot))
			_exit(1);
		for (;;)
			pause();
	}
	close(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], slot, sizeof(*slot)), sizeof(*slot));
	close(pipe_fds[0]);
	return child;
}

static void end_child(pid_t child)
{
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void test_killed_process_is_reaped(void **state)
{
	struct mapping *m = open_or_fail(path);
	struct reaped seen = { .counts = numbers(m, "counts") };
	int slot = -1, again = -1;
	pid_t child;

	mapping_on_reap(m, take_back, &seen);
	mapping_reap(m);
	assert_int_equal(seen.calls, 0);

	child = start_child(&slot);
	assert_int_not_equal(slot, mapping_slot(m));
	assert_int_equal(seen.counts[slot], 3);
	assert_true(mapping_slot_alive(m, slot));
	mapping_reap(m);
	assert_int_equal(seen.calls, 0);

	end_child(child);
	assert_false(mapping_slot_alive(m, slot));
	mapping_reap(m);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.slot, slot);
	assert_int_equal(seen.counts[slot], 0);
	mapping_reap(m);
	assert_int_equal(seen.calls, 1);

	child = start_child(&again);
	assert_int_equal(again, slot);
	assert_int_equal(seen.counts[slot], 3);
	end_child(child);
	mapping_close(m);
}

/* Nobody reaped in between: the new owner of the number takes back what the dead one left. */
static void test_number_inherited(void **state)
{
	struct mapping *all[MAPPING_PROCESSES];
	struct reaped seen = { 0 };
	int slot;

	for (int i = 0; i < MAPPING_PROCESSES; i++) {
		all[i] = open_or_fail(path);
		if (mapping_slot(all[i]) != i)
			fail_msg("opening %d: got number %d", i, mapping_slot(all[i]));
	}
	numbers(all[9], "counts")[9] = 4;
	mapping_close(all[9]);
	all[9] = open_or_fail(path);
	slot = mapping_slot(all[9]);
	assert_int_equal(slot, 9);
	seen.counts = numbers(all[9], "counts");
	mapping_on_reap(all[9], take_back, &seen);
	mapping_reap(all[9]);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.counts[9], 0);
	mapping_reap(all[9]);
	assert_int_equal(seen.calls, 1);
	for (int i = 0; i < MAPPING_PROCESSES; i++)
		mapping_close(all[i]);
}

static void test_too_many_processes(void **state)
{
	struct mapping *all[MAPPING_PROCESSES], *one_more;

	for (int i = 0; i < MAPPING_PROCESSES; i++)
		all[i] = open_or_fail(path);
	one_more = open_or_fail(path);
	assert_int_equal(mapping_slot(one_more), -1);
	mapping_reap(one_more);
	mapping_close(one_more);
	for (int i = 0; i < MAPPING_PROCESSES; i++)
		mapping_close(all[i]);
}

/* Several start at once over a file that does not fit: all must end up in the same new one. */
static void test_started_together(void **state)
{
	enum { CHILDREN = 8 };
	pid_t children[CHILDREN];
	struct mapping *m;

	spoil_all();
	for (int i = 0; i < CHILDREN; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			struct err err = { 0 };

			if (!mapping_open(path, &m, &err))
				_exit(1);
			atomic_fetch_add(&numbers(m, "together")[0], 1);
			_exit(0);
		}
	}
	for (int i = 0; i < CHILDREN; i++) {
		int status = 1;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	m = open_or_fail(path);
	assert_int_equal(numbers(m, "together")[0], CHILDREN);
	mapping_close(m);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_regions, no_file),
		cmocka_unit_test_setup(test_sparse_and_private, no_file),
		cmocka_unit_test(test_anonymous),
		cmocka_unit_test_setup(test_made_anew, no_file),
		cmocka_unit_test_setup(test_replaced_while_in_use, no_file),
		cmocka_unit_test(test_cannot_open),
		cmocka_unit_test_setup(test_killed_process_is_reaped, no_file),
		cmocka_unit_test_setup(test_number_inherited, no_file),
		cmocka_unit_test_setup(test_too_many_processes, no_file),
		cmocka_unit_test_setup(test_started_together, no_file),
	};

	return cmocka_run_group_tests_name("mapping", tests, make_folder, drop_folder);
}
