/* bpe.h — byte-pair encoding of one piece of text
 *
 * A piece is what the split rules (split.h) cut off. If its bytes are a token, it is one; else it
 * starts as single bytes, and the two neighbours whose joined bytes have the lowest rank are joined,
 * leftmost first, until no two make a token. Exact for pieces up to BPE_PIECE_MAX bytes, O(n log n);
 * a longer one is cut there, which adds at most a token or two per cut. Nothing is allocated.
 *
 * Threads  pure.
 */
#ifndef BILLING_BPE_H
#define BILLING_BPE_H

#include "base/attr.h"

/* Also the index of its tables. */
enum encoding { ENCODING_O200K, ENCODING_CL100K };

#define BPE_PIECE_MAX 4096
#define BPE_NO_RANK UINT32_MAX

/* The tables, see bpe_table.h. */
struct bpe_header;
extern const unsigned char bpe_data[] __attribute__((visibility("hidden")));
static inline const struct bpe_header *bpe_header(void)
{
	return (const struct bpe_header *)(const void *)bpe_data;
}

/* The rank of these bytes, BPE_NO_RANK when they are no token. */
uint32_t bpe_rank(enum encoding e, const char *p, size_t n);
/* How many tokens a piece has. */
size_t bpe_count(enum encoding e, const char *p, size_t n);
/* The same, and writes them; ids has room for n. */
size_t bpe_encode(enum encoding e, const char *p, size_t n, uint32_t *ids);

#endif
