/* test_image_tokens.c — billing/image_tokens.h and billing/image_size.h
 *
 * Samples of OpenAI's guide, and values worked out from the rules of tokens.md 1.5, 2.3 and 2.4; the
 * working stands beside each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "billing/image_tokens.h"

/* clang-format off */
static const struct {
	const char *model;
	int64_t width, height;
	enum image_detail detail;
	int64_t want;
} costs[] = {
	/* the guide's */
	{ "gpt-4o", 1024, 1024, IMAGE_HIGH, 765 },
	{ "gpt-4o", 2048, 4096, IMAGE_HIGH, 1105 },
	{ "gpt-4o", 4096, 8192, IMAGE_LOW, 85 },
	{ "gpt-4.1-mini", 1024, 1024, IMAGE_HIGH, 1659 }, /* 1024 patches × 1.62 */
	{ "gpt-4.1-mini", 1800, 2400, IMAGE_HIGH, 2353 }, /* 1056 × 1408: 33 × 44 = 1452 × 1.62 */
	/* tiles */
	{ "gpt-4o", 1024, 1024, IMAGE_AUTO, 765 },
	{ "gpt-4o", 1024, 1024, IMAGE_ORIGINAL, 765 },
	{ "gpt-4o", 512, 512, IMAGE_AUTO, 255 },
	{ "gpt-4o", 513, 512, IMAGE_AUTO, 425 },
	{ "gpt-4o", 1, 1, IMAGE_AUTO, 255 },
	{ "gpt-4o", 2048, 768, IMAGE_AUTO, 1445 },        /* 4 × 2 tiles, the most there can be */
	{ "gpt-4o", 100000, 10, IMAGE_AUTO, 765 },        /* 2048 × 1: 4 tiles */
	{ "gpt-4o", 0, 0, IMAGE_AUTO, 1445 },
	{ "gpt-4o", 0, 5, IMAGE_AUTO, 1445 },
	{ "gpt-4o", INT64_MAX, INT64_MAX, IMAGE_AUTO, 1445 },
	{ "gpt-4o-mini", 1024, 1024, IMAGE_HIGH, 25501 }, /* 2833 + 4 × 5667 */
	{ "gpt-4o-mini-2024-07-18", 9, 9, IMAGE_LOW, 2833 },
	{ "gpt-4o-mini", 0, 0, IMAGE_HIGH, 48169 },       /* 2833 + 8 × 5667 */
	{ "gpt-5", 1024, 1024, IMAGE_HIGH, 630 },         /* 70 + 4 × 140 */
	{ "gpt-5-chat-latest", 9, 9, IMAGE_LOW, 70 },
	{ "o1-pro", 1024, 1024, IMAGE_HIGH, 675 },        /* 75 + 4 × 150 */
	{ "o3", 9, 9, IMAGE_LOW, 75 },
	{ "computer-use-preview", 1024, 1024, IMAGE_HIGH, 581 }, /* 65 + 4 × 129 */
	{ "gpt-image-1", 1024, 1024, IMAGE_AUTO, 194 },   /* 512 × 512: 65 + 129 */
	{ "gpt-image-1", 1536, 1024, IMAGE_AUTO, 323 },   /* 768 × 512: 65 + 2 × 129 */
	{ "gpt-image-1", 0, 0, IMAGE_AUTO, 581 },         /* 2048 × 512: 65 + 4 × 129 */
	{ "chatgpt-4o-latest", 1024, 1024, IMAGE_HIGH, 765 },
	{ "gpt-4-turbo", 1024, 1024, IMAGE_HIGH, 765 },
	{ "azure/gpt-4o", 1024, 1024, IMAGE_HIGH, 765 },
	{ "unheard-of", 1024, 1024, IMAGE_HIGH, 765 },
	/* patches */
	{ "gpt-4.1-mini", 0, 0, IMAGE_AUTO, 2489 },       /* 1536 × 1.62 = 2488.32 */
	{ "gpt-4.1-mini", 1024, 1536, IMAGE_AUTO, 2489 }, /* 32 × 48 = 1536, just fits */
	{ "gpt-4.1-mini", 1, 1, IMAGE_AUTO, 2 },
	{ "gpt-4.1-mini", 2048, 2048, IMAGE_AUTO, 2465 }, /* sqrt(1536) = 39.2: 39 × 39 × 1.62 = 2464.02 */
	{ "gpt-4.1-mini", 1024, 1024, IMAGE_LOW, 415 },   /* 512 × 512: 256 × 1.62 = 414.72 */
	{ "gpt-4.1-mini", 4096, 64, IMAGE_AUTO, 104 },    /* 2048 × 32: 64 × 1.62 = 103.68 */
	{ "gpt-4.1-nano", 1024, 1024, IMAGE_AUTO, 2520 }, /* × 2.46 = 2519.04 */
	{ "o4-mini-2025-04-16", 1024, 1024, IMAGE_AUTO, 1762 }, /* × 1.72 = 1761.28 */
	{ "gpt-5-mini", 1024, 1024, IMAGE_AUTO, 1659 },
	{ "gpt-5-nano", 1024, 1024, IMAGE_AUTO, 2520 },
	{ "gpt-5.4-mini", 1024, 1024, IMAGE_AUTO, 1659 },
	{ "gpt-5.4-nano", 1024, 1024, IMAGE_AUTO, 2520 },
	{ "gpt-5.2", 1024, 1024, IMAGE_AUTO, 1229 },      /* × 1.2 = 1228.8 */
	{ "gpt-5.3-codex", 1024, 1024, IMAGE_AUTO, 1229 },
	{ "gpt-5.4", 1600, 1600, IMAGE_AUTO, 3000 },      /* 50 × 50 = 2500, just fits */
	{ "gpt-5.4", 2048, 2048, IMAGE_AUTO, 3000 },
	{ "gpt-5.4", 2048, 2048, IMAGE_ORIGINAL, 4916 },  /* 64 × 64 × 1.2 = 4915.2 */
	{ "gpt-5.5", 2048, 2048, IMAGE_AUTO, 4916 },      /* auto is original */
	{ "gpt-5.5", 2048, 2048, IMAGE_HIGH, 3000 },
	{ "gpt-5.5", 0, 0, IMAGE_AUTO, 12000 },
	{ "gpt-5.5", 12000, 12000, IMAGE_AUTO, 12000 },   /* 6000 × 6000 → 100 × 100 patches */
	/* area */
	{ "claude-sonnet-4", 1000, 1000, IMAGE_AUTO, 1334 }, /* ÷ 750 = 1333.3 */
	{ "claude-sonnet-4", 3136, 3136, IMAGE_AUTO, 1600 },
	{ "claude-sonnet-4", 0, 0, IMAGE_AUTO, 1600 },
};
/* clang-format on */

static void test_costs(void **state)
{
	for (size_t i = 0; i < COUNT_OF(costs); i++) {
		int64_t got = image_tokens(str_c(costs[i].model),
		    (struct image_size){ costs[i].width, costs[i].height }, costs[i].detail);

		if (got != costs[i].want)
			fail_msg("%s, %lld × %lld, detail %d: got %lld, want %lld", costs[i].model,
			    (long long)costs[i].width, (long long)costs[i].height, costs[i].detail,
			    (long long)got, (long long)costs[i].want);
	}
}

/* No size costs more than the unknown one, and never nothing. */
static void test_unknown_is_most(void **state)
{
	static const char *const models[] = { "gpt-4o", "gpt-4o-mini", "gpt-5", "gpt-image-1",
		"gpt-4.1-mini", "o4-mini", "gpt-5.4", "gpt-5.5", "claude" };

	for (size_t i = 0; i < COUNT_OF(models); i++) {
		struct str model = str_c(models[i]);
		int64_t most = image_tokens(model, (struct image_size){ 0 }, IMAGE_ORIGINAL);

		for (int64_t w = 1; w < 9000; w += 1 + w / 9)
			for (int64_t h = 1; h < 9000; h += 1 + h / 9) {
				int64_t got = image_tokens(model, (struct image_size){ w, h },
				    IMAGE_ORIGINAL);

				if (got < 1 || got > most)
					fail_msg("%s, %lld × %lld: got %lld, want 1 to %lld",
					    models[i], (long long)w, (long long)h, (long long)got,
					    (long long)most);
			}
	}
}

static void test_words(void **state)
{
	assert_int_equal(image_detail_of(STR("low")), IMAGE_LOW);
	assert_int_equal(image_detail_of(STR("high")), IMAGE_HIGH);
	assert_int_equal(image_detail_of(STR("original")), IMAGE_ORIGINAL);
	assert_int_equal(image_detail_of(STR("auto")), IMAGE_AUTO);
	assert_int_equal(image_detail_of(STR("")), IMAGE_AUTO);
	assert_int_equal(image_fidelity_tokens((struct image_size){ 512, 512 }), 4160);
	assert_int_equal(image_fidelity_tokens((struct image_size){ 512, 513 }), 6240);
	assert_int_equal(image_fidelity_tokens((struct image_size){ 0 }), 6240);
}

/* ---- sizes -----------------------------------------------------------------------------------*/

#define PNG(width, height) "\x89PNG\r\n\x1a\n\0\0\0\rIHDR" width height "\x08\x02\0\0\0\0\0"
#define EXIF                                                                                       \
	"\xff\xe1\0\x08"                                                                           \
	"Exif\0\0"

/* clang-format off */
static const struct {
	const char *name;
	struct str head;
	int64_t width, height; /* 0: none is found */
} heads[] = {
	{ "PNG", STR_INIT(PNG("\0\0\x03\x20", "\0\0\x02\x58")), 800, 600 },
	{ "PNG of no width", STR_INIT(PNG("\0\0\0\0", "\0\0\x02\x58")), 0, 0 },
	{ "PNG without IHDR", STR_INIT("\x89PNG\r\n\x1a\n\0\0\0\rIDAT\0\0\x03\x20\0\0\x02\x58"), 0, 0 },
	{ "PNG, cut", STR_INIT("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x03\x20\0\0"), 0, 0 },
	{ "GIF", STR_INIT("GIF89a\x40\x01\xf0\0\x80\0\0"), 320, 240 },
	{ "JPEG", STR_INIT("\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xc0\0\x11\x08\x02\x58\x03\x20\3"), 800, 600 },
	{ "JPEG, progressive, with Exif", STR_INIT("\xff\xd8" EXIF "\xff\xff\xc2\0\x11\x08\0\x10\0\x20\3"), 32, 16 },
	{ "JPEG, tables first", STR_INIT("\xff\xd8\xff\xc4\0\x04" "ab\xff\xdb\0\x03" "c\xff\xc1\0\x11\x08\0\x10\0\x20"), 32, 16 },
	{ "JPEG, pixels before a size", STR_INIT("\xff\xd8\xff\xda\0\x04" "ab\xff\xc0\0\x11\x08\0\x10\0\x20"), 0, 0 },
	{ "JPEG, no marker", STR_INIT("\xff\xd8\xff\xe0\0\x04" "abXX"), 0, 0 },
	{ "JPEG, length of a segment too small", STR_INIT("\xff\xd8\xff\xe0\0\x01" "ab\xff\xc0\0\x11\x08\0\x10\0\x20"), 0, 0 },
	{ "JPEG, cut in the size", STR_INIT("\xff\xd8\xff\xc0\0\x11\x08\x02\x58\x03"), 0, 0 },
	{ "JPEG, ends", STR_INIT("\xff\xd8\xff\xd9"), 0, 0 },
	{ "WebP, lossy", STR_INIT("RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x20\x43\x58\x82"), 800, 600 },
	{ "WebP, lossless", STR_INIT("RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x1f\xc3\x95\0\0\0\0\0\0"), 800, 600 },
	{ "WebP, extended", STR_INIT("RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x1f\x03\0\x57\x02\0"), 800, 600 },
	{ "WebP, none of these", STR_INIT("RIFF\0\0\0\0WAVEfmt \0\0\0\0\0\0\0\0\x1f\x03\0\x57\x02\0"), 0, 0 },
	{ "text", STR_INIT("<svg width=\"5\" height=\"5\"/>      "), 0, 0 },
	{ "nothing", STR_INIT(""), 0, 0 },
};
/* clang-format on */

static void same_size(const char *name, bool found, struct image_size got, int64_t w, int64_t h)
{
	if (found != (w > 0) || (found && (got.width != w || got.height != h)))
		fail_msg("%s: got %d %lld × %lld, want %lld × %lld", name, found,
		    (long long)got.width, (long long)got.height, (long long)w, (long long)h);
}

/* extra: put after every fourth character. */
static size_t to_base64(struct str s, const char *alphabet, const char *extra, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i += 3) {
		unsigned bits = 0;

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (i + k < s.n ? (unsigned char)s.p[i + k] : 0);
		for (size_t k = 0; k < 4 && i + k <= s.n; k++)
			out[n++] = alphabet[bits >> (18 - 6 * k) & 63];
		for (const char *p = extra; *p; p++)
			out[n++] = *p;
	}
	return n;
}

static void test_sizes(void **state)
{
#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	static const char *const extras[] = { "", "\\n", " ", "\\r\\n", "\\u0020" };
	char text[1024] = "data:image/x;base64,";
	size_t prefix = strlen(text);

	for (size_t i = 0; i < COUNT_OF(heads); i++) {
		struct image_size got = { 0 };
		bool found = image_size_of_bytes(heads[i].head, &got);

		same_size(heads[i].name, found, got, heads[i].width, heads[i].height);
		for (size_t k = 0; k < COUNT_OF(extras); k++) {
			const char *alphabet = k & 1 ? ALNUM "-_" : ALNUM "+/";
			size_t n = to_base64(heads[i].head, alphabet, extras[k], text + prefix);

			got = (struct image_size){ 0 };
			found = image_size_of_uri((struct str){ text, prefix + n }, &got);
			same_size(heads[i].name, found, got, heads[i].width, heads[i].height);
		}
	}
}

static void test_uris(void **state)
{
#define HEAD "iVBORw0KGgoAAAANSUhEUgAABAAAAAQA"
	static const struct {
		const char *uri;
		int64_t side;
	} cases[] = {
		{ "data:image/png;base64," HEAD, 1024 },
		{ "DATA:IMAGE/PNG;BASE64," HEAD, 1024 },
		{ "data:;base64," HEAD, 1024 },
		{ "data:image/png;name=a;base64," HEAD, 1024 },
		{ "data:image\\/png;base64," HEAD, 1024 },
		{ "data:image/png," HEAD, 0 },
		{ "data:image/png;base64", 0 },
		{ "data:image/png;base64,", 0 },
		{ "data:,", 0 },
		{ "data:", 0 },
		{ "https://example.com/a.png", 0 },
		{ "", 0 },
		{ "data:image/png;base64,\\", 0 },
		{ "data:image/png;base64,iVBO\\u00e4\\u20ac", 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct image_size got = { 0 };
		bool found = image_size_of_uri(str_c(cases[i].uri), &got);

		same_size(cases[i].uri, found, got, cases[i].side, cases[i].side);
	}
}

/* A size behind more than IMAGE_HEAD_MAX bytes of camera data is unknown, one before it is found. */
static void test_far_size(void **state)
{
	static const char frame[] = "\xff\xc0\0\x11\x08\0\x10\0\x20";
	enum { SEGMENT = 0x10001 }; /* with its marker */
	char *text = calloc(10, SEGMENT);
	struct image_size got = { 0 };
	size_t n = 2;

	memcpy(text, "\xff\xd8", 2);
	for (int i = 0; i < 9; i++) {
		struct str all;

		memcpy(text + n, frame, sizeof(frame) - 1);
		all = (struct str){ text, n + sizeof(frame) - 1 };
		same_size("far", image_size_of_bytes(all, &got), got,
		    n + sizeof(frame) - 1 <= IMAGE_HEAD_MAX ? 32 : 0,
		    n + sizeof(frame) - 1 <= IMAGE_HEAD_MAX ? 16 : 0);
		memcpy(text + n, "\xff\xe2\xff\xff", 4);
		n += SEGMENT;
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_costs),
		cmocka_unit_test(test_unknown_is_most),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_uris),
		cmocka_unit_test(test_far_size),
	};

	return cmocka_run_group_tests_name("image_tokens", tests, NULL, NULL);
}
