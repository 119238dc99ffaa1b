-- 0002-resources.sql: which channel keeps what an upstream stores for a user
--
-- A file, a batch, a stored response … lives in one upstream account, so every later call about it
-- must go to the channel that made it, and only its owner may make such calls. A row is both: the
-- way there and the right to go. The upstream's own lists show what all our users have, so lists
-- are answered from here, with each object as it was last seen.

CREATE TABLE resources (
	seq INTEGER PRIMARY KEY AUTOINCREMENT,         -- order of lists
	kind TEXT NOT NULL,                            -- "responses", "files" …: fcgi-relay/families.c
	id TEXT NOT NULL,                              -- the upstream's own; two upstreams may use one
	user_id INTEGER NOT NULL,                      -- users.id, the owner
	channel_id INTEGER NOT NULL,                   -- channels.id; the channel may be gone
	key_id INTEGER NOT NULL DEFAULT 0,          -- which of the channel's keys (catalog.h), 0: any
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,                   -- later calls move it on
	model TEXT NOT NULL DEFAULT '',                -- responses: after mapping, for the bill
	due INTEGER NOT NULL DEFAULT 0,                -- flag: runs in the background, its final usage
	                                               -- is not charged yet
	billed_prompt INTEGER NOT NULL DEFAULT 0,      -- tokens of it that are charged already
	billed_completion INTEGER NOT NULL DEFAULT 0,
	object TEXT NOT NULL DEFAULT ''                -- JSON as last seen, '' = not for lists
) STRICT;

CREATE UNIQUE INDEX resources_owner ON resources (kind, id, user_id);
CREATE INDEX resources_user ON resources (user_id, kind);
CREATE INDEX resources_expiry ON resources (expires_at);
