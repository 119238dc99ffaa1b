/* logblocks.h — tables log_blocks: finds the few rows of a long log that have some value
 *
 * The log has no index of its models, keys' names and channels: a settlement would pay for each.
 * Instead it is seen as blocks of LOG_BLOCK_IDS ids, and for each block that the log is well past it
 * is noted once which of these values are in it. A page of rows with a rare value is then read from
 * its blocks alone, and from the blocks at the end that are not noted yet.
 *
 * Ids only grow, but for those of the newest rows, which are used again when these are deleted: a
 * block is noted when the log is a whole block past it, and whoever deletes many rows calls
 * log_blocks_shrink.
 *
 * Errors   ERR_STORE.
 * Threads  as the connection; log_blocks_step opens its own transaction.
 */
#ifndef STORE_LOGBLOCKS_H
#define STORE_LOGBLOCKS_H

#include "store/logrow.h"

#define LOG_BLOCK_IDS 8192

/* Notes the next block, if the log is past it. *more: perhaps there is another. */
MUST_USE bool log_blocks_step(struct db *db, bool *more, struct err *err);
/* After deleting rows, in the same transaction: blocks that the log has left count as not noted. all:
 * that was the last of a clean-up, so notes of blocks before the log's beginning go as well. */
MUST_USE bool log_blocks_shrink(struct db *db, bool all, struct err *err);

/* Rows with this id or a higher one are in no block that is noted. */
MUST_USE bool log_blocks_end(struct db *db, int64_t *id, struct err *err);
/* Does it name a model, a key, a user or a channel, to be found or left out? */
bool log_blocks_help(const struct log_filter *f);
bool log_blocks_leave_out(const struct log_filter *f);
/* The highest block that begins below that id and may have rows of such a filter; -1: none. */
MUST_USE bool log_blocks_find(struct db *db, const struct log_filter *f, int64_t below,
    int64_t *block, struct err *err);

#endif
