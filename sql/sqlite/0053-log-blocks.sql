-- 0053-log-blocks.sql: where in a long log the rows of a model, a key's name or a channel are

-- log_blocks: which values occur in which blocks of the log
--
-- A block is 8192 ids. Settlements pay for no index of these columns: fcgi-admin writes a block's
-- values down once, when the log is well past it (common/store/logblocks.c), and a search for a value
-- that few rows have reads only their blocks. A row here whose rows are gone costs a look, no more.
CREATE TABLE log_blocks (
	kind INTEGER NOT NULL,      -- 1 model_name, 2 token_name, 3 channel_id
	value TEXT NOT NULL,
	block INTEGER NOT NULL,     -- logs.id / 8192
	PRIMARY KEY (kind, value, block)
) STRICT, WITHOUT ROWID;

-- log_blocks_mark: one row
CREATE TABLE log_blocks_mark (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	blocks INTEGER NOT NULL     -- the blocks below this are in log_blocks
) STRICT;

INSERT INTO log_blocks_mark (id, blocks) VALUES (1, 0);
