-- channel_keys: keys of channels with several keys that an upstream refused for good
--
-- A key in here is parked: its channel goes on with its others, and is disabled when none is left.
-- The key itself is not here; rows go when the channel, its key text or its state changes.
CREATE TABLE channel_keys (
	channel_id INTEGER NOT NULL,                   -- channels.id
	key_hash TEXT NOT NULL,                        -- of one line of its key, keyed, hex
	cause TEXT NOT NULL DEFAULT '',                -- what the upstream said
	parked_at INTEGER NOT NULL,
	PRIMARY KEY (channel_id, key_hash)
) STRICT, WITHOUT ROWID;
