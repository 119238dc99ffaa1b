-- 0005-captures.sql: bodies of requests and replies, kept for a while for keys that ask for it
--
-- Bodies are redacted and cut before they come here, and compressed (zlib, RFC 1950). Nothing is
-- kept unless a key says so; rows go after CAPTURE_DAYS.
CREATE TABLE captures (
	id INTEGER PRIMARY KEY,
	request_id TEXT NOT NULL UNIQUE,               -- as in logs
	user_id INTEGER NOT NULL,                      -- users.id, the key's owner
	token_id INTEGER NOT NULL,                     -- tokens.id
	created_at INTEGER NOT NULL,
	request BLOB NOT NULL,                         -- compressed
	request_bytes INTEGER NOT NULL,                -- of what is kept, before compression
	request_total INTEGER NOT NULL,                -- of the whole body as it was
	response BLOB NOT NULL,
	response_bytes INTEGER NOT NULL,
	response_total INTEGER NOT NULL
) STRICT;

CREATE INDEX captures_age ON captures (created_at);

-- Bodies of this key's requests are kept until then; 0 = never.
ALTER TABLE tokens ADD COLUMN capture_until INTEGER NOT NULL DEFAULT 0;
