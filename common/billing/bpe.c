/* bpe.c — see bpe.h
 *
 * Parts are named by where they begin. For each part but the last a leaf of a tournament tree holds
 * the rank of what it and its right neighbour would make together; the root is the lowest. Joining
 * changes three leaves.
 */
#include "billing/bpe.h"

#include "billing/bpe_table.h"

struct table {
	const uint64_t *slots;
	const char *bytes;
	const uint8_t *filter;
	uint32_t slot_count;
};

static struct table table_of(enum encoding e)
{
	const struct bpe_section *s = &bpe_header()->encodings[e];

	return (struct table){ .slots = (const uint64_t *)(const void *)(bpe_data + s->slots_at),
		.bytes = (const char *)bpe_data + s->bytes_at,
		.filter = bpe_data + s->filter_at,
		.slot_count = s->slots };
}

static inline uint32_t rank_of(const struct table *t, const char *p, size_t n)
{
	uint64_t hash;
	uint32_t i;

	if (n > BPE_TOKEN_MAX)
		return BPE_NO_RANK;
	hash = bpe_hash(p, n);
	if (!(t->filter[bpe_filter_bit(hash) / 8] >> bpe_filter_bit(hash) % 8 & 1))
		return BPE_NO_RANK;
	i = bpe_home(hash, t->slot_count);
	while (t->slots[i] != 0) {
		uint64_t slot = t->slots[i];

		if (bpe_slot_tag(slot) == (hash & BPE_TAG_MASK) && bpe_slot_length(slot) == n &&
		    memcmp(t->bytes + bpe_slot_offset(slot), p, n) == 0)
			return bpe_slot_rank(slot);
		i = i + 1 < t->slot_count ? i + 1 : 0;
	}
	return BPE_NO_RANK;
}

/* ---- merging ---------------------------------------------------------------------------------*/

/* Never initialised as a whole: a short piece touches only the front of each array. */
struct parts {
	const struct table *table;
	const char *p;
	uint32_t n;
	uint32_t leaves;                    /* a power of two */
	uint16_t next[BPE_PIECE_MAX];       /* where the part after this one begins */
	uint16_t before[BPE_PIECE_MAX + 1]; /* where the part before this one begins */
	uint32_t tree[2 * BPE_PIECE_MAX];   /* [1] is the root, [leaves + i] the leaf of part i */
};

static inline uint32_t lower(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void set_leaf(struct parts *s, uint32_t part, uint32_t rank)
{
	uint32_t i = s->leaves + part;

	s->tree[i] = rank;
	for (i /= 2; i > 0; i /= 2) {
		uint32_t least = lower(s->tree[2 * i], s->tree[2 * i + 1]);

		if (s->tree[i] == least)
			return;
		s->tree[i] = least;
	}
}

static uint32_t lowest_part(const struct parts *s)
{
	uint32_t i = 1;

	while (i < s->leaves)
		i = 2 * i + (s->tree[2 * i] != s->tree[1]);
	return i - s->leaves;
}

/* What part i and the one after it would be. */
static uint32_t joined_rank(const struct parts *s, uint32_t i)
{
	uint32_t second = s->next[i];

	if (second == s->n)
		return BPE_NO_RANK;
	return rank_of(s->table, s->p + i, (size_t)s->next[second] - i);
}

static void start_parts(struct parts *s)
{
	s->leaves = 1;
	while (s->leaves < s->n)
		s->leaves *= 2;
	for (uint32_t i = 0; i < s->n; i++) {
		s->next[i] = (uint16_t)(i + 1);
		s->before[i] = (uint16_t)(i - 1);
		s->tree[s->leaves + i] =
		    i + 1 < s->n ? rank_of(s->table, s->p + i, 2) : BPE_NO_RANK;
	}
	for (uint32_t i = s->n; i < s->leaves; i++)
		s->tree[s->leaves + i] = BPE_NO_RANK;
	for (uint32_t i = s->leaves - 1; i > 0; i--)
		s->tree[i] = lower(s->tree[2 * i], s->tree[2 * i + 1]);
}

/* Takes the part after i into i. */
static void join(struct parts *s, uint32_t i)
{
	uint32_t gone = s->next[i];

	s->next[i] = s->next[gone];
	s->before[s->next[i]] = (uint16_t)i;
	set_leaf(s, gone, BPE_NO_RANK);
	set_leaf(s, i, joined_rank(s, i));
	if (i == 0)
		return;
	i = s->before[i];
	set_leaf(s, i, joined_rank(s, i));
}

/* n from 2 to BPE_PIECE_MAX. */
static size_t merge(const struct table *t, const char *p, size_t n, uint32_t *ids)
{
	struct parts s;
	size_t count = n, k = 0;

	s.table = t;
	s.p = p;
	s.n = (uint32_t)n;
	start_parts(&s);
	while (s.tree[1] != BPE_NO_RANK) {
		join(&s, lowest_part(&s));
		count--;
	}
	for (uint32_t i = 0; ids && i < s.n; i = s.next[i])
		ids[k++] = rank_of(t, p + i, (size_t)s.next[i] - i);
	return count;
}

/* ---- a piece ---------------------------------------------------------------------------------*/

uint32_t bpe_rank(enum encoding e, const char *p, size_t n)
{
	struct table t = table_of(e);

	return n ? rank_of(&t, p, n) : BPE_NO_RANK;
}

static size_t encode(const struct table *t, const char *p, size_t n, uint32_t *ids)
{
	uint32_t rank;

	if (n == 0)
		return 0;
	rank = rank_of(t, p, n);
	if (rank == BPE_NO_RANK)
		return merge(t, p, n, ids);
	if (ids)
		ids[0] = rank;
	return 1;
}

size_t bpe_encode(enum encoding e, const char *p, size_t n, uint32_t *ids)
{
	struct table t = table_of(e);
	size_t count = 0;

	while (n > BPE_PIECE_MAX) {
		count += encode(&t, p, BPE_PIECE_MAX, ids ? ids + count : NULL);
		p += BPE_PIECE_MAX;
		n -= BPE_PIECE_MAX;
	}
	return count + encode(&t, p, n, ids ? ids + count : NULL);
}

size_t bpe_count(enum encoding e, const char *p, size_t n)
{
	return bpe_encode(e, p, n, NULL);
}
