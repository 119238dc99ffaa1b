/* bpe_table.h — the layout of build/ranks/tables.bin: gen/tables.c writes it, bpe.c and split.c
 * read it
 *
 * One file of constants, linked into the programs as read-only data: shared by all processes, and
 * only pages that were touched are resident. The header is followed by the sections that it names.
 *
 * An encoding is three sections: the bytes of all tokens, joined in rank order; a hash table by
 * those bytes with open addressing, two slots in three taken; and a filter of one bit for each of a
 * million hash values, small enough to stay in a core's cache, which answers four in five of the
 * questions about bytes that are no token. A slot is one word: what a lookup needs before it compares
 * bytes stands in it.
 *
 * There is no table of pairs (left, right): with it merging is no faster, since the bytes of two
 * neighbours stand side by side anyway, and five more megabytes would become resident under load.
 *
 * Byte order is that of the machine which builds.
 */
#ifndef BILLING_BPE_TABLE_H
#define BILLING_BPE_TABLE_H

#include "base/attr.h"
#include "base/jtext.h"

#define BPE_MAGIC "bpe-tab1"
#define BPE_BYTE_ORDER 0x01020304U

enum {
	BPE_ENCODINGS = 2,   /* in the order of enum encoding */
	BPE_TOKEN_MAX = 128, /* bytes of the longest token */
	BPE_CODE_POINTS = 0x110000,
	BPE_PAGE = 128, /* code points that share a page of flags */
	BPE_PAGES_MAX = 256,
};

struct bpe_section {
	uint32_t tokens, slots;
	uint64_t slots_at, bytes_at, filter_at; /* offsets in the file */
	uint8_t sha256[32];                     /* of the ranks as OpenAI publishes them */
};

struct bpe_header {
	char magic[8];
	uint32_t byte_order, pages;
	struct bpe_section encodings[BPE_ENCODINGS];
	/* flags of code point c: flags[page_of[c / BPE_PAGE]][c % BPE_PAGE] */
	uint8_t page_of[BPE_CODE_POINTS / BPE_PAGE];
	uint8_t flags[BPE_PAGES_MAX][BPE_PAGE];
};

/* What the split rules ask of a character. Letters and marks that have no case are both upper and
 * lower there. */
enum char_flags {
	CHAR_UPPER = 1,  /* Lu Lt Lm Lo M */
	CHAR_LOWER = 2,  /* Ll Lm Lo M */
	CHAR_LETTER = 4, /* L */
	CHAR_NUMBER = 8, /* N */
	CHAR_SPACE = 16, /* White_Space */
	CHAR_BREAK = 32, /* CR LF */
	CHAR_SLASH = 64,
};

#define BPE_FILTER_BITS (UINT32_C(1) << 20)

/* A slot: tag 17 bits, rank 18, length 8, offset 21, from the top; 0 is empty. */
#define BPE_TAG_MASK UINT64_C(0x1ffff)
#define BPE_RANK_LIMIT (UINT32_C(1) << 18)
#define BPE_OFFSET_LIMIT (UINT32_C(1) << 21)

static inline uint64_t bpe_slot(uint64_t tag, uint32_t rank, size_t length, size_t offset)
{
	return tag << 47 | (uint64_t)rank << 29 | (uint64_t)length << 21 | offset;
}

static inline uint64_t bpe_slot_tag(uint64_t slot)
{
	return slot >> 47;
}

static inline uint32_t bpe_slot_rank(uint64_t slot)
{
	return (uint32_t)(slot >> 29) & (BPE_RANK_LIMIT - 1);
}

static inline size_t bpe_slot_length(uint64_t slot)
{
	return (size_t)(slot >> 21 & 0xff);
}

static inline size_t bpe_slot_offset(uint64_t slot)
{
	return (size_t)(slot & (BPE_OFFSET_LIMIT - 1));
}

static inline uint64_t bpe_load4(const char *p)
{
	uint32_t w;

	memcpy(&w, p, sizeof(w));
	return le32toh(w);
}

static inline uint64_t bpe_mix(uint64_t a, uint64_t b)
{
	uint64_t h = a * UINT64_C(0x9e3779b97f4a7c15) ^ (b + UINT64_C(0xd1b54a32d192ed03));

	h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return h ^ h >> 29;
}

/* Of 1 to BPE_TOKEN_MAX bytes. The top half chooses the slot, the low bits are the tag. */
static inline uint64_t bpe_hash(const char *p, size_t n)
{
	uint64_t h = n;

	if (n < 4)
		return bpe_mix((unsigned char)p[0] | (uint64_t)(unsigned char)p[n / 2] << 8 |
		        (uint64_t)(unsigned char)p[n - 1] << 16,
		    h);
	if (n < 8)
		return bpe_mix(bpe_load4(p) | bpe_load4(p + n - 4) << 32, h);
	for (size_t i = 0; i + 8 < n; i += 8)
		h = bpe_mix(eight_load(p + i), h);
	return bpe_mix(eight_load(p + n - 8), h);
}

/* The bit of the filter that a hash lights. */
static inline uint32_t bpe_filter_bit(uint64_t hash)
{
	return (uint32_t)hash & (BPE_FILTER_BITS - 1);
}

/* Where the search for a hash begins. */
static inline uint32_t bpe_home(uint64_t hash, uint32_t slots)
{
	return (uint32_t)((hash >> 32) * slots >> 32);
}

#endif
