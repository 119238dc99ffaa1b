-- 0031-audits.sql: what administrators changed
--
-- Written in the transaction of the change (common/store/db.h, db_witness). Texts are JSON objects
-- of the columns that changed; a secret shows as *** there.
CREATE TABLE audits (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	created_at INTEGER NOT NULL,
	user_id INTEGER NOT NULL,                      -- users.id of who did it; 0 = on the command line
	username TEXT NOT NULL,                        -- as it was then
	address TEXT NOT NULL DEFAULT '',              -- of the client
	request_id TEXT NOT NULL DEFAULT '',
	action TEXT NOT NULL,                          -- method and route, as "PUT /api/channel"
	subject TEXT NOT NULL DEFAULT '',              -- user, token, channel, redemption, option, log
	subject_id TEXT NOT NULL DEFAULT '',           -- its id or name; a comma list of several
	before TEXT NOT NULL DEFAULT '',               -- '' = it was made by this
	after TEXT NOT NULL DEFAULT ''                 -- '' = it is gone
) STRICT;

CREATE INDEX audits_user ON audits (user_id);
CREATE INDEX audits_subject ON audits (subject, subject_id);
