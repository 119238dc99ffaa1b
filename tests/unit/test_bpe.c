/* test_bpe.c — billing/bpe.h and billing/split.h: which tokens a text has
 *
 * Vectors are those of the specification (tokens.md section 5), made with OpenAI's own library. What
 * the npm package `tiktoken` says of generated texts is compared where node is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "billing/bpe.h"
#include "billing/bpe_table.h"
#include "billing/split.h"

enum { IDS_MAX = 4096, LIST_MAX = 65536 };

/* "1 22 333", of a whole text. */
static const char *ids_of(enum encoding e, struct str text, char list[LIST_MAX])
{
	static uint32_t ids[IDS_MAX];
	const char *p = text.p, *end = text.p + text.n;
	size_t at = 0;

	list[0] = '\0';
	while (p < end) {
		bool open;
		size_t n = split_next(e, p, end, &open), count = bpe_encode(e, p, n, ids);

		assert_int_equal(bpe_count(e, p, n), count);
		for (size_t i = 0; i < count; i++)
			at += (size_t)snprintf(list + at, LIST_MAX - at, "%s%u", at ? " " : "",
			    ids[i]);
		p += n;
	}
	return list;
}

static size_t count_of(enum encoding e, struct str text)
{
	const char *p = text.p, *end = text.p + text.n;
	size_t count = 0;

	while (p < end) {
		bool open;
		size_t n = split_next(e, p, end, &open);

		count += bpe_count(e, p, n);
		p += n;
	}
	return count;
}

/* clang-format off */
static const struct {
	const char *text, *cl100k, *o200k;
} vectors[] = {
	{ "", "", "" },
	{ "hello world", "15339 1917", "24912 2375" },
	{ "tiktoken is great!", "83 1609 5963 374 2294 0", "83 8251 2488 382 2212 0" },
	{ "1234567", "4513 10961 22", "7633 19354 22" },
	{ "I'm we'll THEY'RE it'd", "40 2846 584 3358 63593 95253 433 4265", "15390 22782 95381 6 1099 189495" },
	{ "IT'S don'tfoo", "964 13575 1541 956 8134", "1468 31233 4128 16660" },
	{ "it'\xc5\xbf", "275 6 129 123", "278 6 70067" },
	{ "\xcc\x81" "a", "54939 64", "13430 64" },
	{ "\xc3\xa9\xcc\x81\xc3\x89", "978 54939 27887", "377 13430 5859" },
	{ "\xe4\xb8\xad" "A\xe6\x96\x87" "b", "16325 32 17161 65", "1404 32 4883 65" },
	{ "a\xc2\xa0" "b", "64 4194 65", "64 5310 65" },
	{ "\t\tfoo", "197 197 8134", "197 197 16660" },
	{ "foo \n bar", "8134 720 3703", "16660 793 3608" },
	{ "\r\r\n\n  x", "201 81923 220 865", "201 46865 220 1215" },
	{ "!!\n\n//x", "25833 322 87", "19886 393 87" },
	{ "   ", "262", "271" },
};

static const struct {
	const char *text;
	size_t cl100k, o200k;
} counts[] = {
	{ "antidisestablishmentarianism", 6, 6 },
	{ "2 + 2 = 4", 7, 7 },
	{ "お誕生日おめでとう", 9, 8 },
	{ "你好，世界！今天天气怎么样？", 17, 9 },
	{ "foo/bar//baz\n/qux", 7, 7 },
	{ "  leading and   inner   spaces  ", 8, 8 },
	{ "{\"a\":[1,2,{\"b\":null}]}", 12, 13 },
	{ "<|endoftext|>", 7, 7 },
	{ "👨\u200d👩\u200d👧\u200d👦 family", 19, 12 },
	{ "한국어 문장입니다.", 8, 6 },
};
/* clang-format on */

static void test_vectors(void **state)
{
	static char list[LIST_MAX];

	for (size_t i = 0; i < COUNT_OF(vectors); i++)
		for (int e = 0; e < BPE_ENCODINGS; e++) {
			const char *want =
			    e == ENCODING_CL100K ? vectors[i].cl100k : vectors[i].o200k;
			const char *got = ids_of((enum encoding)e, str_c(vectors[i].text), list);

			if (strcmp(got, want) != 0)
				fail_msg("'%s' in encoding %d: got %s, want %s", vectors[i].text, e,
				    got, want);
		}
}

static void test_counts(void **state)
{
	for (size_t i = 0; i < COUNT_OF(counts); i++)
		for (int e = 0; e < BPE_ENCODINGS; e++) {
			size_t want = e == ENCODING_CL100K ? counts[i].cl100k : counts[i].o200k;
			size_t got = count_of((enum encoding)e, str_c(counts[i].text));

			if (got != want)
				fail_msg("'%s' in encoding %d: got %zu, want %zu", counts[i].text,
				    e, got, want);
		}
}

/* The specification's 1,000 letters; and that a piece past the bound costs a token or two more. */
static void test_long_runs(void **state)
{
	static const struct {
		size_t n, least, most;
	} cases[] = {
		{ 1000, 125, 125 },
		{ 4096, 512, 512 },
		{ 4097, 513, 514 },
		{ 100000, 12500, 12550 },
	};
	char *text = malloc(100000);

	memset(text, 'x', 100000);
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		for (int e = 0; e < BPE_ENCODINGS; e++) {
			size_t got = count_of((enum encoding)e, (struct str){ text, cases[i].n });

			if (got < cases[i].least || got > cases[i].most)
				fail_msg("%zu letters: got %zu, want %zu to %zu", cases[i].n, got,
				    cases[i].least, cases[i].most);
		}
	free(text);
}

/* A piece is open when what follows may change it, and only then may it be cut off later. */
static void test_open(void **state)
{
	static const struct {
		const char *name, *text;
		size_t n;
		bool open[BPE_ENCODINGS]; /* o200k, cl100k */
	} cases[] = {
		{ "a word goes on", "hello", 5, { true, true } },
		{ "a word that ended", "hello,", 5, { false, false } },
		{ "perhaps a contraction", "don'", 3, { true, false } },
		{ "perhaps 're", "they'r", 4, { true, false } },
		{ "none after all", "they'x!", 4, { false, false } },
		{ "numbers go on", "12", 2, { true, true } },
		{ "three digits", "1234", 3, { false, false } },
		{ "white space goes on", "  ", 2, { true, true } },
		{ "the last blank is left", "  x", 1, { false, false } },
		{ "line ends go on", "!\n", 2, { true, true } },
		{ "capitals wait for small letters", "HELLO", 5, { true, true } },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		for (int e = 0; e < BPE_ENCODINGS; e++) {
			const char *p = cases[i].text;
			bool open = false;
			size_t n = split_next((enum encoding)e, p, p + strlen(p), &open);

			if (n != cases[i].n || open != cases[i].open[e])
				fail_msg("%s in encoding %d: got %zu %d, want %zu %d",
				    cases[i].name, e, n, open, cases[i].n, cases[i].open[e]);
		}
}

/* ---- the tables ------------------------------------------------------------------------------*/

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Every token is found by its bytes, once; all single bytes are tokens. */
static void test_tables(void **state)
{
	static const uint32_t want[BPE_ENCODINGS] = { 199998, 100256 };
	const struct bpe_header *h = bpe_header();

	assert_memory_equal(h->magic, BPE_MAGIC, sizeof(h->magic));
	assert_int_equal(h->byte_order, BPE_BYTE_ORDER);
	for (int e = 0; e < BPE_ENCODINGS; e++) {
		const struct bpe_section *s = &h->encodings[e];
		const uint64_t *slots = (const void *)(bpe_data + s->slots_at);
		const char *bytes = (const char *)bpe_data + s->bytes_at;
		uint32_t found = 0;

		assert_int_equal(s->tokens, want[e]);
		for (uint32_t i = 0; i < s->slots; i++) {
			if (slots[i] == 0)
				continue;
			found++;
			assert_int_equal(bpe_rank((enum encoding)e,
			                     bytes + bpe_slot_offset(slots[i]),
			                     bpe_slot_length(slots[i])),
			    bpe_slot_rank(slots[i]));
		}
		assert_int_equal(found, want[e]);
		for (int c = 0; c < 256; c++)
			assert_true(bpe_rank((enum encoding)e, &(char){ (char)c }, 1) < 256);
	}
}

/* The rule of the specification, word by word. */
static size_t merge_by_the_book(enum encoding e, const char *p, size_t n)
{
	size_t at[65], parts = n;

	for (size_t i = 0; i <= n; i++)
		at[i] = i;
	for (;;) {
		uint32_t lowest = BPE_NO_RANK;
		size_t where = 0;

		for (size_t i = 0; i + 1 < parts; i++) {
			uint32_t rank = bpe_rank(e, p + at[i], at[i + 2] - at[i]);

			if (rank < lowest) {
				lowest = rank;
				where = i;
			}
		}
		if (lowest == BPE_NO_RANK)
			return parts;
		memmove(at + where + 1, at + where + 2, (parts - where - 1) * sizeof(at[0]));
		parts--;
	}
}

/* Few different bytes, so that there is much to join; now and then any. */
static void test_merge(void **state)
{
	static const char letters[] = "aabeinst  rlo\xe4\xb8\xad\xe6";
	uint32_t seed = 2024;
	char text[64];

	for (int round = 0; round < 20000; round++) {
		size_t n = 1 + next_random(&seed) % sizeof(text);
		enum encoding e = round & 1 ? ENCODING_CL100K : ENCODING_O200K;
		size_t got, want;

		for (size_t i = 0; i < n; i++) {
			uint32_t r = next_random(&seed) >> 8;

			text[i] = r % 16 ? letters[r / 16 % (sizeof(letters) - 1)] : (char)(r / 16);
		}
		got = bpe_count(e, text, n);
		want = merge_by_the_book(e, text, n);
		if (got != want)
			fail_msg("round %d, '%.*s': got %zu, want %zu", round, (int)n, text, got,
			    want);
	}
}

/* ---- the reference ---------------------------------------------------------------------------*/

enum { TEXTS = 1500, POINTS_MAX = 40 };

struct sample {
	uint32_t points[POINTS_MAX];
	size_t n;
};

/* The package knows a later Unicode than Debian's unicode-data. Above the first plane only chosen code
 * points are tried; these are the letters and marks that Unicode 16 brought below. */
static bool is_new(uint32_t c)
{
	return c == 0x897 || c == 0x1c89 || c == 0x1c8a || (c >= 0xa7cb && c <= 0xa7dc);
}

/* Bits of text that rules meet at, and code points of all kinds. */
static void make_sample(struct sample *s, uint32_t *seed)
{
	static const char *const bits[] = { " the", "'s", "'RE", "'ll", "'", " ", "  ", "\n",
		"\r\n", "\t", "foo", "BAR", "Baz", "123", "9", "!!", "//", "/", "(", "=>", "x",
		"camelCase", "don't", "\f", "HTTPServer" };
	static const uint32_t points[] = { 0x17f, 0x212a, 0x301, 0xe9, 0xc9, 0x1c5, 0x4e2d, 0x6587,
		0x3042, 0xd55c, 0x200d, 0x1f468, 0xfe0f, 0xa0, 0x2028, 0x3000, 0x85, 0x660, 0xb2,
		0x2160, 0x430, 0x410, 0x5d0, 0x94d, 0x915, 0x2b0, 0x1d7d8, 0xfffd, 0x10ffff,
		0xe000 };
	size_t wanted = 1 + next_random(seed) % POINTS_MAX;

	s->n = 0;
	while (s->n < wanted) {
		uint32_t r = next_random(seed) >> 4, kind = r % 16;
		uint32_t any = (r >> 4) % (kind == 0 ? 0x10000 : kind == 1 ? 0x3000 : 0x250);
		const char *bit = bits[(r >> 4) % COUNT_OF(bits)];

		if (kind < 3)
			s->points[s->n++] =
			    is_new(any) || (any >= 0xd800 && any < 0xe000) ? 0xfffd : any;
		else if (kind < 6)
			s->points[s->n++] = points[(r >> 4) % COUNT_OF(points)];
		else
			while (*bit && s->n < wanted)
				s->points[s->n++] = (unsigned char)*bit++;
	}
}

static struct str sample_text(const struct sample *s, char out[4 * POINTS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		uint32_t c = s->points[i];

		if (c < 0x80) {
			out[n++] = (char)c;
			continue;
		}
		if (c >= 0x10000)
			out[n++] = (char)(0xf0 | c >> 18);
		if (c >= 0x800)
			out[n++] = (char)(c >= 0x10000 ? 0x80 | (c >> 12 & 0x3f) : 0xe0 | c >> 12);
		out[n++] = (char)(c >= 0x800 ? 0x80 | (c >> 6 & 0x3f) : 0xc0 | c >> 6);
		out[n++] = (char)(0x80 | (c & 0x3f));
	}
	return (struct str){ out, n };
}

/* As JSON in ASCII. */
static void print_sample(FILE *f, const struct sample *s)
{
	fputc('"', f);
	for (size_t i = 0; i < s->n; i++) {
		uint32_t c = s->points[i];

		if (c >= 0x10000)
			fprintf(f, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
			    0xdc00 + ((c - 0x10000) & 0x3ff));
		else
			fprintf(f, "\\u%04x", c);
	}
	fputs("\"\n", f);
}

static void compare_encoding(const char *path, const struct sample *samples, enum encoding e)
{
	static const char *const names[] = { "o200k_base", "cl100k_base" };
	static char want[LIST_MAX], got[LIST_MAX];
	char command[512], text[4 * POINTS_MAX];
	FILE *from;

	snprintf(command, sizeof(command),
	    "node tests/unit/reference_tokens.mjs build/ranks/node_modules %s %s", path, names[e]);
	from = popen(command, "r");
	assert_non_null(from);
	for (size_t i = 0; i < TEXTS; i++) {
		if (!fgets(want, sizeof(want), from))
			fail_msg("%s: the reference ended at text %zu", names[e], i);
		want[strcspn(want, "\n")] = '\0';
		ids_of(e, sample_text(&samples[i], text), got);
		if (strcmp(got, want) != 0) {
			print_sample(stderr, &samples[i]);
			fail_msg("%s, text %zu: got %s, want %s", names[e], i, got, want);
		}
	}
	assert_int_equal(pclose(from), 0);
}

static void test_reference(void **state)
{
	static struct sample samples[TEXTS];
	char path[] = "/tmp/test_bpe.XXXXXX";
	uint32_t seed = 4711;
	FILE *f;
	int fd;

	if (system("node --version >/dev/null 2>&1") != 0 ||
	    access("build/ranks/node_modules/tiktoken/package.json", R_OK) != 0) {
		puts("SKIP the comparison with the npm package tiktoken: needs node and "
		     "build/ranks");
		skip();
	}
	fd = mkstemp(path);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	for (size_t i = 0; i < TEXTS; i++) {
		make_sample(&samples[i], &seed);
		print_sample(f, &samples[i]);
	}
	fclose(f);
	for (int e = 0; e < BPE_ENCODINGS; e++)
		compare_encoding(path, samples, (enum encoding)e);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_long_runs),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_reference),
	};

	return cmocka_run_group_tests_name("bpe", tests, NULL, NULL);
}
