/* test_secret.c — the key file, keyed hashes, sealed text, passwords, random numbers */
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/secret.h"

#define SESSION "a session secret of our own"

struct place {
	char dir[64];
	char file[80];
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p)
		return -1;
	*state = p;
	snprintf(p->dir, sizeof(p->dir), "/tmp/test_secret.XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->file, sizeof(p->file), "%s/secret.key", p->dir);
	return 0;
}

static int drop_place(void **state)
{
	struct place *p = *state;
	int gone;

	unlink(p->file);
	/* Fails when anything else was left behind. */
	gone = rmdir(p->dir);
	free(p);
	return gone;
}

static struct secret_box *opened(const char *dir, const char *session)
{
	struct err err = { .kind = ERR_NONE };
	struct secret_box *box = NULL;

	if (!secret_box_open(dir, session, &box, &err))
		fail_msg("open: %s", err.msg);
	return box;
}

static void write_file(const char *path, const char *bytes, size_t n, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* --- Where the key comes from --- */

static void file_is_made_once(void **state)
{
	struct place *p = *state;
	uint8_t first[SECRET_HASH_LEN], second[SECRET_HASH_LEN];
	struct secret_box *box = opened(p->dir, "");
	struct stat st;

	secret_hash(box, "token", STR("sk-x"), first);
	secret_box_free(box);
	assert_int_equal(stat(p->file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 32);
	box = opened(p->dir, "");
	secret_hash(box, "token", STR("sk-x"), second);
	secret_box_free(box);
	assert_memory_equal(first, second, sizeof(first));
}

/* The hash of one text by a box that a child opened, sent through a pipe. */
static void child_hash(const char *dir, int start, int out)
{
	struct err err = { .kind = ERR_NONE };
	uint8_t hash[SECRET_HASH_LEN];
	struct secret_box *box;
	char go;

	if (read(start, &go, 1) < 0 || !secret_box_open(dir, "", &box, &err))
		_exit(1);
	secret_hash(box, "token", STR("sk-x"), hash);
	_exit(write(out, hash, sizeof(hash)) == (ssize_t)sizeof(hash) ? 0 : 1);
}

static void programs_agree_on_one_file(void **state)
{
	enum { PROGRAMS = 8 };
	struct place *p = *state;
	uint8_t hashes[PROGRAMS][SECRET_HASH_LEN];
	int start[2], out[2];

	assert_int_equal(pipe(start), 0);
	assert_int_equal(pipe(out), 0);
	for (int i = 0; i < PROGRAMS; i++) {
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			close(start[1]);
			child_hash(p->dir, start[0], out[1]);
		}
	}
	close(start[1]); /* all at once */
	for (int i = 0; i < PROGRAMS; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
		assert_int_equal(read(out[0], hashes[i], SECRET_HASH_LEN), SECRET_HASH_LEN);
		assert_memory_equal(hashes[i], hashes[0], SECRET_HASH_LEN);
	}
	close(start[0]);
	close(out[0]);
	close(out[1]);
}

static void bad_key_files_are_refused(void **state)
{
	static const char bytes[40] = "0123456789abcdef0123456789abcdef";
	static const struct {
		const char *name;
		size_t n;
		mode_t mode;
		const char *want; /* after the path in quotes; NULL: opens */
	} cases[] = {
		{ "right", 32, 0600, NULL },
		{ "read-only", 32, 0400, NULL },
		{ "empty", 0, 0600, " must hold exactly 32 bytes" },
		{ "short", 31, 0600, " must hold exactly 32 bytes" },
		{ "long", 33, 0600, " must hold exactly 32 bytes" },
		{ "for others", 32, 0604,
		    " must be for its owner only, but has mode 0604: chmod 600" },
		{ "for the group", 32, 0640,
		    " must be for its owner only, but has mode 0640: chmod 600" },
	};
	struct place *p = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { .kind = ERR_NONE };
		struct secret_box *box = NULL;
		char want[200];
		bool ok;

		unlink(p->file);
		write_file(p->file, bytes, cases[i].n, cases[i].mode);
		ok = secret_box_open(p->dir, "", &box, &err);
		if (ok != (cases[i].want == NULL))
			fail_msg("%s: got %d, want %d: %s", cases[i].name, ok, !ok, err.msg);
		secret_box_free(box);
		if (ok)
			continue;
		snprintf(want, sizeof(want), "'%s'%s", p->file, cases[i].want);
		if (err.kind != ERR_CONFIG || strcmp(err.msg, want) != 0)
			fail_msg("%s: got '%s', want '%s'", cases[i].name, err.msg, want);
	}
}

static void absent_directory_is_refused(void **state)
{
	struct err err = { .kind = ERR_NONE };
	struct secret_box *box;

	assert_false(secret_box_open("/nonexistent/data", "", &box, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.msg, "/nonexistent/data/secret.key"));
	assert_non_null(strstr(err.msg, "No such file or directory"));
}

static void session_secrets_are_judged(void **state)
{
	static const struct {
		const char *in;
		const char *want; /* NULL: opens */
	} cases[] = {
		{ "0123456789abcdef", NULL },
		{ "0123456789abcde", "SESSION_SECRET is shorter than 16 characters" },
		{ "random_string",
		    "SESSION_SECRET is the sample value 'random_string': set a secret of your "
		    "own" },
	};
	struct place *p = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { .kind = ERR_NONE };
		struct secret_box *box = NULL;
		bool ok = secret_box_open(p->dir, cases[i].in, &box, &err);

		if (ok != (cases[i].want == NULL))
			fail_msg("%s: got %d, want %d", cases[i].in, ok, !ok);
		if (!ok && (err.kind != ERR_CONFIG || strcmp(err.msg, cases[i].want) != 0))
			fail_msg("%s: got '%s', want '%s'", cases[i].in, err.msg, cases[i].want);
		secret_box_free(box);
	}
	/* With a session secret there is no file. */
	assert_int_equal(access(p->file, F_OK), -1);
}

/* --- Keyed hashes --- */

/* HKDF and HMAC as libcrypto does them in one call, from the label in the header's words. */
static void reference_hash(const char *label, struct str text, uint8_t out[SECRET_HASH_LEN])
{
	static const char salt[] = "oneapi-fcgi";
	const struct {
		const char *info;
		bool from_session;
	} steps[] = { { "data key", true }, { label, false } };
	uint8_t key[32];
	unsigned n;

	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
		const unsigned char *from =
		    steps[i].from_session ? (const unsigned char *)SESSION : key;
		int from_n = steps[i].from_session ? (int)strlen(SESSION) : (int)sizeof(key);
		size_t key_n = sizeof(key);
		char info[64];

		snprintf(info, sizeof(info), "%s%s",
		    steps[i].from_session ? "" : "hash:", steps[i].info);
		assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
		assert_int_equal(EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()), 1);
		assert_int_equal(EVP_PKEY_CTX_set1_hkdf_salt(ctx, (const unsigned char *)salt,
		                     (int)strlen(salt)),
		    1);
		assert_int_equal(EVP_PKEY_CTX_set1_hkdf_key(ctx, from, from_n), 1);
		assert_int_equal(EVP_PKEY_CTX_add1_hkdf_info(ctx, (const unsigned char *)info,
		                     (int)strlen(info)),
		    1);
		assert_int_equal(EVP_PKEY_derive(ctx, key, &key_n), 1);
		EVP_PKEY_CTX_free(ctx);
	}
	assert_non_null(HMAC(EVP_sha256(), key, (int)sizeof(key), (const unsigned char *)text.p,
	    text.n, out, &n));
	assert_int_equal(n, SECRET_HASH_LEN);
}

static void hash_is_hmac(void **state)
{
	static const struct {
		const char *label;
		struct str text;
	} cases[] = {
		{ "token", STR_INIT("sk-0123456789abcdef0123456789abcdef0123456789abcdef") },
		{ "access", STR_INIT("sk-0123456789abcdef0123456789abcdef0123456789abcdef") },
		{ "session", STR_INIT("a") },
		{ "another", STR_INIT("a") },
		{ "token", STR_INIT("") },
		{ "token", STR_INIT("with\0NUL") },
		{ "token",
		    STR_INIT("longer than one block of sixty-four bytes, so that the run has "
		             "to go on into a second and a third block of the message") },
	};
	struct place *p = *state;
	struct secret_box *box = opened(p->dir, SESSION);
	uint8_t got[COUNT_OF(cases)][SECRET_HASH_LEN], want[SECRET_HASH_LEN];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		secret_hash(box, cases[i].label, cases[i].text, got[i]);
		reference_hash(cases[i].label, cases[i].text, want);
		if (memcmp(got[i], want, sizeof(want)) != 0)
			fail_msg("%s %.*s: not the HMAC", cases[i].label, STR_ARG(cases[i].text));
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(got[i], got[k], SECRET_HASH_LEN);
	}
	secret_box_free(box);
}

struct hasher {
	const struct secret_box *box;
	const uint8_t *want;
	int wrong;
};

static void *hash_often(void *arg)
{
	struct hasher *h = arg;
	uint8_t got[SECRET_HASH_LEN];

	for (int i = 0; i < 2000; i++) {
		secret_hash(h->box, i % 100 ? "token" : "rare", STR("sk-x"), got);
		h->wrong += i % 100 && memcmp(got, h->want, sizeof(got)) != 0;
	}
	return NULL;
}

static void threads_share_a_box(void **state)
{
	struct place *p = *state;
	struct secret_box *box = opened(p->dir, SESSION);
	struct hasher hashers[4];
	pthread_t threads[COUNT_OF(hashers)];
	uint8_t want[SECRET_HASH_LEN];

	reference_hash("token", STR("sk-x"), want);
	for (size_t i = 0; i < COUNT_OF(hashers); i++) {
		hashers[i] = (struct hasher){ box, want, 0 };
		assert_int_equal(pthread_create(&threads[i], NULL, hash_often, &hashers[i]), 0);
	}
	for (size_t i = 0; i < COUNT_OF(hashers); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(hashers[i].wrong, 0);
	}
	secret_box_free(box);
}

/* --- Sealed text --- */

static void seal_and_open(void **state)
{
	static const struct str cases[] = { STR_INIT(""), STR_INIT("k"), STR_INIT("sk-0123"),
		STR_INIT("12345"), STR_INIT("with\0NUL"),
		STR_INIT("{\"type\":\"service_account\"}") };
	struct place *p = *state;
	struct secret_box *box = opened(p->dir, SESSION);
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct str sealed = secret_seal(box, a, "channel.key", cases[i]);
		struct str again = secret_seal(box, a, "channel.key", cases[i]);
		struct str plain;

		assert_true(secret_open(box, a, "channel.key", sealed, &plain));
		assert_true(str_eq(plain, cases[i]));
		/* base64 of 1 + 12 + n + 16 bytes, never the same twice */
		assert_int_equal(sealed.n, cases[i].n ? (29 + cases[i].n + 2) / 3 * 4 : 0);
		assert_true(cases[i].n == 0 || !str_eq(sealed, again));
		assert_false(cases[i].n > 3 && str_has(sealed, cases[i]));
	}
	arena_free(a);
	secret_box_free(box);
}

static void changed_seals_do_not_open(void **state)
{
	struct place *p = *state;
	struct secret_box *box = opened(p->dir, SESSION);
	struct secret_box *other = opened(p->dir, SESSION " and another");
	struct arena *a = arena_new(0);
	struct str sealed = secret_seal(box, a, "channel.key", STR("sk-0123456789"));
	struct str plain = STR("untouched");

	assert_false(secret_open(box, a, "token.key", sealed, &plain));
	assert_false(secret_open(box, a, "", sealed, &plain));
	assert_false(secret_open(other, a, "channel.key", sealed, &plain));
	for (size_t i = 0; i < sealed.n; i++) {
		char *copy = str_dup(a, sealed);

		copy[i] = copy[i] == 'A' ? 'B' : 'A';
		if (secret_open(box, a, "channel.key", (struct str){ copy, sealed.n }, &plain))
			fail_msg("byte %zu: got true, want false", i);
	}
	for (size_t n = 1; n < sealed.n; n++)
		if (secret_open(box, a, "channel.key", str_slice(sealed, 0, n), &plain))
			fail_msg("length %zu: got true, want false", n);
	assert_true(str_eq(plain, STR("untouched")));
	arena_free(a);
	secret_box_free(box);
	secret_box_free(other);
}

static void other_text_does_not_open(void **state)
{
	static const struct str cases[] = {
		STR_INIT("sk-plain-text-key"),
		STR_INIT("===="),
		STR_INIT("AAAA"),
		STR_INIT("AQ=="),
		STR_INIT("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
		STR_INIT("  AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA  "),
		STR_INIT("\0\0\0\0"),
		STR_INIT("\xff\xff\xff\xff"),
	};
	struct place *p = *state;
	struct secret_box *box = opened(p->dir, SESSION);
	struct arena *a = arena_new(0);
	struct str plain;

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (secret_open(box, a, "x", cases[i], &plain))
			fail_msg("%.*s: got true, want false", STR_ARG(cases[i]));
	arena_free(a);
	secret_box_free(box);
}

/* --- Passwords --- */

static void passwords(void **state)
{
	static const struct {
		struct str stored, tried;
		bool want;
	} cases[] = {
		{ STR_INIT("123456"), STR_INIT("123456"), true },
		{ STR_INIT("123456"), STR_INIT("1234567"), false },
		{ STR_INIT("123456"), STR_INIT(""), false },
		{ STR_INIT(""), STR_INIT(""), true },
		{ STR_INIT("a\0b"), STR_INIT("a\0b"), true },
		{ STR_INIT("a\0b"), STR_INIT("a\0c"), false },
		{ STR_INIT("a\0b"), STR_INIT("a"), false },
	};
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct str hash = str_c(secret_password_hash(a, cases[i].stored));
		bool got = secret_password_check(cases[i].tried, hash);

		assert_true(str_starts(hash, STR("$s1$0e0801$")));
		if (got != cases[i].want)
			fail_msg("%.*s for %.*s: got %d, want %d", STR_ARG(cases[i].tried),
			    STR_ARG(cases[i].stored), got, cases[i].want);
	}
	assert_string_not_equal(secret_password_hash(a, STR("same")),
	    secret_password_hash(a, STR("same")));
	arena_free(a);
}

static void what_is_no_hash_matches_nothing(void **state)
{
	static const struct str cases[] = {
		STR_INIT(""),
		STR_INIT("$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"),
		STR_INIT("$s1$"),
		STR_INIT("$s1$0e0801$"),
		STR_INIT("$s1$0e0801$AAAAAAAAAAAAAAAAAAAAAA==$"),
		STR_INIT("$s1$1e0801$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="),
		STR_INIT("$s1$0eff01$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="),
		STR_INIT("$s1$0x0801$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="),
		STR_INIT("$s1$040801$AAAAAAAAAAAAAAAAAAAA$A==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="),
		STR_INIT("$s1$040801$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="),
		STR_INIT("$s1$040801$!!!!!!!!!!!!!!!!!!!!!!!!$!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"
		         "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"),
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (secret_password_check(STR("password"), cases[i]))
			fail_msg("%.*s: got true, want false", STR_ARG(cases[i]));
}

/* --- Random numbers --- */

static void random_text(void **state)
{
	char text[301], other[301];

	for (size_t n = 0; n < sizeof(text); n += 50) {
		memset(text, '?', sizeof(text));
		secret_random_alnum(text, n);
		assert_int_equal(strlen(text), n);
		assert_int_equal(strspn(text,
		                     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		                     "0123456789"),
		    n);
		secret_random_hex(text, n);
		assert_int_equal(strlen(text), n);
		assert_int_equal(strspn(text, "0123456789abcdef"), n);
	}
	secret_random_hex(text, 31);
	assert_int_equal(strlen(text), 31);
	secret_random_alnum(text, 300);
	secret_random_alnum(other, 300);
	assert_string_not_equal(text, other);
	assert_true(secret_random_u64() != secret_random_u64());
}

/* Each letter about as often as any other: 62,000 draws, 1,000 each; 200 are six sigmas. */
static void letters_are_even(void **state)
{
	static char text[62001];
	int counts[128] = { 0 };

	secret_random_alnum(text, sizeof(text) - 1);
	for (const char *p = text; *p; p++)
		counts[(unsigned char)*p]++;
	for (int c = 0; c < 128; c++)
		if (counts[c] && (counts[c] < 800 || counts[c] > 1200))
			fail_msg("'%c': got %d, want about 1000", c, counts[c]);
}

static void picks_are_even(void **state)
{
	static const uint32_t bounds[] = { 1, 2, 3, 10 };

	for (size_t b = 0; b < COUNT_OF(bounds); b++) {
		int counts[10] = { 0 };
		int want = 12000 / (int)bounds[b];

		for (int i = 0; i < 12000; i++) {
			uint32_t got = secret_pick(bounds[b]);

			assert_true(got < bounds[b]);
			counts[got]++;
		}
		for (uint32_t i = 0; i < bounds[b]; i++)
			if (counts[i] < want - 400 || counts[i] > want + 400)
				fail_msg("%u of %u: got %d, want about %d", i, bounds[b], counts[i],
				    want);
	}
	assert_true(secret_pick(UINT32_MAX) < UINT32_MAX);
}

static void equality(void **state)
{
	assert_true(secret_equal(STR("abc"), STR("abc")));
	assert_true(secret_equal(STR(""), (struct str){ 0, 0 }));
	assert_false(secret_equal(STR("abc"), STR("abd")));
	assert_false(secret_equal(STR("abc"), STR("ab")));
	assert_false(secret_equal(STR(""), STR("a")));
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, drop_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(file_is_made_once),
		IN_PLACE(programs_agree_on_one_file),
		IN_PLACE(bad_key_files_are_refused),
		cmocka_unit_test(absent_directory_is_refused),
		IN_PLACE(session_secrets_are_judged),
		IN_PLACE(hash_is_hmac),
		IN_PLACE(threads_share_a_box),
		IN_PLACE(seal_and_open),
		IN_PLACE(changed_seals_do_not_open),
		IN_PLACE(other_text_does_not_open),
		cmocka_unit_test(passwords),
		cmocka_unit_test(what_is_no_hash_matches_nothing),
		cmocka_unit_test(random_text),
		cmocka_unit_test(letters_are_even),
		cmocka_unit_test(picks_are_even),
		cmocka_unit_test(equality),
	};

	return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
