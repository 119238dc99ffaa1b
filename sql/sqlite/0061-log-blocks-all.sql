-- 0061-log-blocks-all.sql: log_blocks also tells where something else than a value is
--
-- From here on every value is noted, '' and 0 too, and user names as kind 4: a search for rows that
-- are not of some value reads only the blocks that have another one. Blocks that were noted before
-- are noted again.
DELETE FROM log_blocks;
UPDATE log_blocks_mark SET blocks = 0 WHERE id = 1;

CREATE INDEX log_blocks_order ON log_blocks (kind, block);
