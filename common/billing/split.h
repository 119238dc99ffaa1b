/* split.h — cuts text into the pieces that byte-pair encoding works on
 *
 * The split rules of o200k_base and cl100k_base without a regex engine: runs of letters with the
 * character before them, numbers of up to three digits, punctuation, white space (spec tokens.md
 * 3.3, where the original patterns are taken apart). Classes of characters are those of Unicode,
 * out of the tables in bpe_table.h.
 *
 * Threads  pure.
 */
#ifndef BILLING_SPLIT_H
#define BILLING_SPLIT_H

#include "billing/bpe.h"

/* Length of the first piece of the text [p, end), which is not empty and well-formed UTF-8. *open
 * is set when the rules looked beyond the end: more text might change this piece. */
size_t split_next(enum encoding e, const char *p, const char *end, bool *open);

#endif
