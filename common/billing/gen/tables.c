/* tables.c — writes the tables of billing/bpe_table.h to its standard output
 *
 *	tables UNICODE_DIR O200K.json CL100K.json >tables.bin
 *
 * Runs once while the programs are built; see tables.sh. The JSON files are those of the npm
 * package tiktoken: their `bpe_ranks` is lines of fields, `!`, the first rank of the line, then the
 * bytes of one token after the other in base64. Any doubt ends the build.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "billing/bpe_table.h"

struct source {
	const char *name, *sha256;
	uint32_t tokens;
};

/* clang-format off */
static const struct source sources[BPE_ENCODINGS] = {
	{ "o200k_base", "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d", 199998 },
	{ "cl100k_base", "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7", 100256 },
};
/* clang-format on */

struct encoding {
	char *bytes;
	size_t n;
	uint64_t *slots;
	uint32_t slot_count;
	uint8_t filter[BPE_FILTER_BITS / 8];
};

PRINTF_LIKE(1, 2) static NO_RETURN void fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("ranks: ", stderr);
	vfprintf(stderr, fmt, args);
	fputs("\n", stderr);
	va_end(args);
	exit(1);
}

static void *zalloc(size_t n)
{
	void *p = calloc(1, n);

	if (!p)
		fail("out of memory");
	return p;
}

/* The whole file, NUL-terminated. */
static char *read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text;
	long n;

	if (!f || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) < 0)
		fail("cannot read '%s': %s", path, strerror(errno));
	rewind(f);
	text = zalloc((size_t)n + 1);
	if (fread(text, 1, (size_t)n, f) != (size_t)n)
		fail("cannot read '%s'", path);
	fclose(f);
	return text;
}

/* ---- ranks -----------------------------------------------------------------------------------*/

static void put_slot(struct encoding *e, uint32_t rank, size_t offset, size_t n)
{
	uint64_t hash = bpe_hash(e->bytes + offset, n);
	uint32_t i = bpe_home(hash, e->slot_count);

	while (e->slots[i] != 0)
		i = i + 1 < e->slot_count ? i + 1 : 0;
	e->filter[bpe_filter_bit(hash) / 8] |= (uint8_t)(1U << bpe_filter_bit(hash) % 8);
	e->slots[i] = bpe_slot(hash & BPE_TAG_MASK, rank, n, offset);
}

/* One token in base64 of n characters; its text goes to the digest as OpenAI's files have it. */
static void add_token(struct encoding *e, uint32_t rank, const char *field, size_t n,
    EVP_MD_CTX *digest)
{
	unsigned char raw[BPE_TOKEN_MAX + 3];
	size_t size;
	char tail[16];

	if (n == 0 || n % 4 != 0 || n / 4 * 3 > sizeof(raw) ||
	    EVP_DecodeBlock(raw, (const unsigned char *)field, (int)n) < 0)
		fail("rank %u is not base64", rank);
	size = n / 4 * 3 - (field[n - 1] == '=') - (field[n - 2] == '=');
	if (size == 0 || size > BPE_TOKEN_MAX || e->n + size >= BPE_OFFSET_LIMIT)
		fail("rank %u has %zu bytes", rank, size);
	memcpy(e->bytes + e->n, raw, size);
	put_slot(e, rank, e->n, size);
	e->n += size;
	EVP_DigestUpdate(digest, field, n);
	EVP_DigestUpdate(digest, tail, (size_t)snprintf(tail, sizeof(tail), " %u\n", rank));
}

/* The fields of bpe_ranks, up to the closing quote. Returns how many tokens there are. */
static uint32_t add_tokens(struct encoding *e, const char *p, uint32_t limit, EVP_MD_CTX *digest)
{
	uint32_t rank = 0;

	while (*p && *p != '"') {
		size_t n = strcspn(p, " \"\\");

		if (n == 1 && *p == '!') {
			char *end;

			if (strtoul(p + 1, &end, 10) != rank)
				fail("the ranks have a gap at %u", rank);
			p = end;
		} else if (n > 0) {
			if (rank == limit)
				fail("more than %u ranks", limit);
			add_token(e, rank++, p, n, digest);
			p += n;
		}
		p += *p == ' ' ? 1 : 0;
		if (*p == '\\' && p[1] != 'n')
			fail("the ranks are not written as expected");
		p += *p == '\\' ? 2 : 0;
	}
	return rank;
}

static void check_digest(const struct source *s, EVP_MD_CTX *digest, uint8_t out[32])
{
	char hex[65];

	if (EVP_DigestFinal_ex(digest, out, NULL) != 1)
		fail("no SHA-256 here");
	for (size_t i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", out[i]);
	if (strcmp(hex, s->sha256) != 0)
		fail("the ranks of %s have SHA-256 %s instead of %s", s->name, hex, s->sha256);
}

static void read_ranks(const struct source *s, const char *path, struct encoding *e,
    struct bpe_section *section)
{
	static const char key[] = "\"bpe_ranks\":\"";
	char *text = read_file(path);
	const char *start = strstr(text, key);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	uint32_t found;

	if (!start)
		fail("'%s' holds no bpe_ranks", path);
	if (!digest || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)
		fail("no SHA-256 here");
	e->slot_count = s->tokens / 2 * 3;
	e->slots = zalloc(e->slot_count * sizeof(*e->slots));
	e->bytes = zalloc(BPE_OFFSET_LIMIT);
	found = add_tokens(e, start + sizeof(key) - 1, s->tokens, digest);
	if (found != s->tokens)
		fail("%s has %u ranks instead of %u", s->name, found, s->tokens);
	check_digest(s, digest, section->sha256);
	section->tokens = s->tokens;
	section->slots = e->slot_count;
	EVP_MD_CTX_free(digest);
	free(text);
}

/* ---- classes of characters -------------------------------------------------------------------*/

static uint8_t all_flags[BPE_CODE_POINTS];

static uint8_t flags_of(const char *category)
{
	/* clang-format off */
	static const struct {
		const char *category;
		uint8_t flags;
	} classes[] = {
		{ "Lu", CHAR_LETTER | CHAR_UPPER },
		{ "Lt", CHAR_LETTER | CHAR_UPPER },
		{ "Ll", CHAR_LETTER | CHAR_LOWER },
		{ "Lm", CHAR_LETTER | CHAR_UPPER | CHAR_LOWER },
		{ "Lo", CHAR_LETTER | CHAR_UPPER | CHAR_LOWER },
		{ "M",  CHAR_UPPER | CHAR_LOWER },
		{ "N",  CHAR_NUMBER },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT_OF(classes); i++)
		if (strncmp(category, classes[i].category, strlen(classes[i].category)) == 0)
			return classes[i].flags;
	return 0;
}

static void add_flags(unsigned long first, unsigned long last, uint8_t flags)
{
	if (first > last || last >= BPE_CODE_POINTS)
		fail("code points %lx to %lx in the Unicode data", first, last);
	for (unsigned long c = first; c <= last; c++)
		all_flags[c] |= flags;
}

/* Lines `0041;LATIN CAPITAL LETTER A;Lu;…`; a range is two lines, <…, First> and <…, Last>. */
static void read_categories(const char *dir)
{
	char path[4096], *text, *line, *rest;
	unsigned long first = 0;
	size_t letters = 0;

	snprintf(path, sizeof(path), "%s/UnicodeData.txt", dir);
	text = read_file(path);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *end;
		unsigned long c = strtoul(line, &end, 16);
		const char *name = end + 1, *semicolon = strchr(name, ';');

		if (*end != ';' || !semicolon)
			fail("'%s' is not written as expected", path);
		if (strncmp(semicolon - 8, ", First>", 8) == 0) {
			first = c;
			continue;
		}
		if (strncmp(semicolon - 7, ", Last>", 7) != 0)
			first = c;
		add_flags(first, c, flags_of(semicolon + 1));
		letters += flags_of(semicolon + 1) & CHAR_LETTER ? c - first + 1 : 0;
	}
	if (letters < 100000)
		fail("'%s' names only %zu letters", path, letters);
	free(text);
}

/* Lines `2000..200A    ; White_Space # …`. */
static void read_spaces(const char *dir)
{
	char path[4096], *text, *line, *rest;
	unsigned ranges = 0;

	snprintf(path, sizeof(path), "%s/PropList.txt", dir);
	text = read_file(path);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *end;
		unsigned long first = strtoul(line, &end, 16), last = first;

		if (end == line)
			continue;
		if (strncmp(end, "..", 2) == 0)
			last = strtoul(end + 2, &end, 16);
		end += strspn(end, " ;");
		if (strncmp(end, "White_Space ", 12) != 0)
			continue;
		add_flags(first, last, CHAR_SPACE);
		ranges++;
	}
	if (ranges == 0)
		fail("'%s' names no white space", path);
	free(text);
}

/* Equal pages are stored once. */
static void fold_pages(struct bpe_header *h)
{
	for (size_t i = 0; i < COUNT_OF(h->page_of); i++) {
		const uint8_t *page = all_flags + i * BPE_PAGE;
		uint32_t k = 0;

		while (k < h->pages && memcmp(h->flags[k], page, BPE_PAGE) != 0)
			k++;
		if (k == BPE_PAGES_MAX)
			fail("the Unicode data need more than %d pages", BPE_PAGES_MAX);
		if (k == h->pages)
			memcpy(h->flags[h->pages++], page, BPE_PAGE);
		h->page_of[i] = (uint8_t)k;
	}
}

/* ---- the file --------------------------------------------------------------------------------*/

static void write_all(const void *p, size_t n)
{
	if (fwrite(p, 1, n, stdout) != n)
		fail("cannot write the tables");
}

int main(int argc, char **argv)
{
	struct bpe_header *h = zalloc(sizeof(*h));
	static struct encoding encodings[BPE_ENCODINGS];
	uint64_t at = (sizeof(*h) + 63) / 64 * 64;
	static const char padding[64];

	if (argc != 2 + BPE_ENCODINGS)
		fail("usage: tables UNICODE_DIR O200K.json CL100K.json");
	memcpy(h->magic, BPE_MAGIC, sizeof(h->magic));
	h->byte_order = BPE_BYTE_ORDER;
	read_categories(argv[1]);
	read_spaces(argv[1]);
	all_flags['\r'] |= CHAR_BREAK;
	all_flags['\n'] |= CHAR_BREAK;
	all_flags['/'] |= CHAR_SLASH;
	fold_pages(h);
	for (int i = 0; i < BPE_ENCODINGS; i++) {
		struct encoding *e = &encodings[i];

		read_ranks(&sources[i], argv[2 + i], e, &h->encodings[i]);
		e->n = (e->n + 63) / 64 * 64;
		h->encodings[i].slots_at = at;
		h->encodings[i].bytes_at = at + e->slot_count * sizeof(uint64_t);
		h->encodings[i].filter_at = h->encodings[i].bytes_at + e->n;
		at = h->encodings[i].filter_at + sizeof(e->filter);
	}
	write_all(h, sizeof(*h));
	write_all(padding, (64 - sizeof(*h) % 64) % 64);
	for (int i = 0; i < BPE_ENCODINGS; i++) {
		write_all(encodings[i].slots, encodings[i].slot_count * sizeof(uint64_t));
		write_all(encodings[i].bytes, encodings[i].n);
		write_all(encodings[i].filter, sizeof(encodings[i].filter));
	}
	if (fflush(stdout) != 0)
		fail("cannot write the tables");
	return 0;
}
