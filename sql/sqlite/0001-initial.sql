-- 0001-initial.sql: the whole schema, SQLite
--
-- Units     quota: 500,000 to a US dollar, integers only. Times: Unix seconds, UTC, unless the name
--           ends in _ms or the comment says so; 0 is "never". Flags: 0 or 1.
-- Texts     absent is '', never NULL. Lists are comma lists without blanks, in order.
-- Secrets   *_hash is HMAC-SHA-256 under the data key, 32 bytes: to find a secret that somebody
--           shows us. *_sealed is AES-256-GCM under the data key, base64: to read it back.
-- Ids       AUTOINCREMENT where a stale id in a log, a cookie or somebody's script must never
--           come to mean another thing.
-- Indexes   as few as the queries in common/store need: each one is paid for by every settlement.
-- Table schema_version is made by migrate.c before this text runs.

-- ------------------------------------------------------------------------------------------------
-- users: who may sign in and who pays
--
-- Deleted users keep their row (status 3, name deleted_<hex>): logs and running requests refer to
-- it. quota may fall below zero by the last request's excess; only billing/quota.c changes it.
CREATE TABLE users (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	username TEXT NOT NULL COLLATE NOCASE,         -- login name, unique without case among the living
	display_name TEXT NOT NULL DEFAULT '',
	password TEXT NOT NULL DEFAULT '',             -- scrypt text; '' = cannot sign in by password
	role INTEGER NOT NULL DEFAULT 1,               -- 1 user, 10 admin, 100 root
	status INTEGER NOT NULL DEFAULT 1,             -- 1 enabled, 2 disabled, 3 deleted
	email TEXT NOT NULL DEFAULT '' COLLATE NOCASE, -- not unique; old databases have doubles
	github_id TEXT NOT NULL DEFAULT '',            -- GitHub login name
	wechat_id TEXT NOT NULL DEFAULT '',            -- id from the WeChat bridge
	lark_id TEXT NOT NULL DEFAULT '',              -- Lark open_id
	oidc_id TEXT NOT NULL DEFAULT '',              -- OIDC sub
	access_token_hash BLOB,                        -- management token; NULL = none
	quota INTEGER NOT NULL DEFAULT 0,              -- left to spend, without what is reserved
	used_quota INTEGER NOT NULL DEFAULT 0,         -- ever charged
	request_count INTEGER NOT NULL DEFAULT 0,      -- requests ever charged
	group_name TEXT NOT NULL DEFAULT 'default',    -- exactly one group
	aff_code TEXT NOT NULL DEFAULT '',             -- invitation code, '' until asked for
	inviter_id INTEGER NOT NULL DEFAULT 0,         -- users.id, 0 = nobody
	created_at INTEGER NOT NULL DEFAULT 0,
	session_epoch INTEGER NOT NULL DEFAULT 0       -- sessions of an older epoch are void
) STRICT;

CREATE UNIQUE INDEX users_username ON users (username) WHERE status <> 3;
CREATE UNIQUE INDEX users_access_token ON users (access_token_hash)
	WHERE access_token_hash IS NOT NULL;
CREATE UNIQUE INDEX users_aff_code ON users (aff_code) WHERE aff_code <> '';
CREATE INDEX users_email ON users (email) WHERE email <> '';

-- ------------------------------------------------------------------------------------------------
-- tokens: the API keys that clients send
--
-- remain_quota counts only while unlimited_quota is 0; used_quota always counts. A deleted key
-- keeps its row (deleted_at) without its secret, so that a request in flight still settles.
CREATE TABLE tokens (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	user_id INTEGER NOT NULL,                      -- users.id, the owner
	key_hash BLOB NOT NULL,                        -- of the key without sk-, label "token"
	key_sealed TEXT NOT NULL,                      -- aad "token.key"; '' once deleted
	status INTEGER NOT NULL DEFAULT 1,             -- 1 enabled, 2 disabled, 3 expired, 4 exhausted
	name TEXT NOT NULL DEFAULT '',
	created_time INTEGER NOT NULL DEFAULT 0,
	accessed_time INTEGER NOT NULL DEFAULT 0,      -- last charge
	expired_time INTEGER NOT NULL DEFAULT -1,      -- -1 = never; 0 is long past
	remain_quota INTEGER NOT NULL DEFAULT 0,       -- left to spend, without what is reserved
	unlimited_quota INTEGER NOT NULL DEFAULT 0,    -- flag
	used_quota INTEGER NOT NULL DEFAULT 0,         -- ever charged
	models TEXT NOT NULL DEFAULT '',               -- list of models it may use, '' = all
	subnet TEXT NOT NULL DEFAULT '',               -- list of CIDR blocks it may come from, '' = all
	deleted_at INTEGER NOT NULL DEFAULT 0          -- 0 = alive
) STRICT;

CREATE UNIQUE INDEX tokens_key ON tokens (key_hash) WHERE deleted_at = 0;
CREATE INDEX tokens_user ON tokens (user_id) WHERE deleted_at = 0;

-- ------------------------------------------------------------------------------------------------
-- channels: the upstream accounts an operator has configured
CREATE TABLE channels (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	type INTEGER NOT NULL,                         -- provider, 1..51
	key_sealed TEXT NOT NULL DEFAULT '',           -- upstream credential, aad "channel.key"
	status INTEGER NOT NULL DEFAULT 1,             -- 0 unknown, 1 enabled, 2 by a person, 3 by us
	name TEXT NOT NULL DEFAULT '',
	weight INTEGER NOT NULL DEFAULT 0,             -- share among channels of one priority
	priority INTEGER NOT NULL DEFAULT 0,           -- higher is tried first
	created_time INTEGER NOT NULL DEFAULT 0,
	test_time INTEGER NOT NULL DEFAULT 0,          -- last test
	response_time INTEGER NOT NULL DEFAULT 0,      -- milliseconds of the last test, 0 = it failed
	base_url TEXT NOT NULL DEFAULT '',             -- '' = the provider's own; no trailing slash
	other TEXT NOT NULL DEFAULT '',                -- old place of one config member
	balance REAL NOT NULL DEFAULT 0,               -- as the upstream said, in its own unit
	balance_updated_time INTEGER NOT NULL DEFAULT 0,
	models TEXT NOT NULL DEFAULT '',               -- list; the first is the default test model
	group_name TEXT NOT NULL DEFAULT 'default',    -- list of groups it serves
	used_quota INTEGER NOT NULL DEFAULT 0,         -- ever charged through it
	model_mapping TEXT NOT NULL DEFAULT '',        -- JSON object asked model -> upstream model, or ''
	config_sealed TEXT NOT NULL DEFAULT '',        -- JSON object, aad "channel.config"
	system_prompt TEXT NOT NULL DEFAULT '',        -- put before every conversation
	disabled_reason TEXT NOT NULL DEFAULT '',      -- why it was disabled automatically
	disabled_time INTEGER NOT NULL DEFAULT 0
) STRICT;

-- abilities: which channels serve a group and model; derived from channels, rewritten with them
CREATE TABLE abilities (
	group_name TEXT NOT NULL,
	model TEXT NOT NULL,
	channel_id INTEGER NOT NULL,                   -- channels.id
	enabled INTEGER NOT NULL,                      -- flag: channels.status = 1
	priority INTEGER NOT NULL,                     -- channels.priority
	PRIMARY KEY (group_name, model, channel_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX abilities_channel ON abilities (channel_id);

-- ------------------------------------------------------------------------------------------------
-- options: settings that an operator changed; all others have the default of store/option.c
--
-- Names that option.c does not know (from an import) stay and are ignored.
CREATE TABLE options (
	name TEXT NOT NULL PRIMARY KEY,                -- exact case
	value TEXT NOT NULL                            -- as on the wire; secrets sealed, "option.<name>"
) STRICT, WITHOUT ROWID;

-- catalog_version: one row, moved on in every transaction that changes channels, abilities or
-- options; processes poll it and rebuild what they hold in memory
CREATE TABLE catalog_version (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	version INTEGER NOT NULL
) STRICT;

INSERT INTO catalog_version (id, version) VALUES (1, 1);

-- ------------------------------------------------------------------------------------------------
-- reservations: quota taken from user and key for requests that are under way
--
-- Gone when the request is settled or released. One whose lease ran out was left by a crash: the
-- sweeper charges its last checkpoint, or gives it back when there was none.
CREATE TABLE reservations (
	request_id TEXT NOT NULL PRIMARY KEY,
	user_id INTEGER NOT NULL,                      -- users.id
	token_id INTEGER NOT NULL,                     -- tokens.id
	channel_id INTEGER NOT NULL,                   -- channels.id of the first attempt
	amount INTEGER NOT NULL,                       -- quota held
	cost INTEGER NOT NULL DEFAULT -1,              -- quota at the last checkpoint, -1 = none yet
	prompt_tokens INTEGER NOT NULL DEFAULT 0,      -- at the last checkpoint
	completion_tokens INTEGER NOT NULL DEFAULT 0,  -- at the last checkpoint
	node TEXT NOT NULL,                            -- which process holds it
	lease_until INTEGER NOT NULL,                  -- renewed by checkpoints
	created_at INTEGER NOT NULL,
	model_name TEXT NOT NULL,                      -- these four are for the log row of a sweep
	token_name TEXT NOT NULL,
	username TEXT NOT NULL,
	is_stream INTEGER NOT NULL DEFAULT 0           -- flag
) STRICT, WITHOUT ROWID;

CREATE INDEX reservations_lease ON reservations (lease_until);

-- ------------------------------------------------------------------------------------------------
-- logs: what was consumed, topped up, managed, tested; by far the largest table
--
-- A charge is written once per request: the unique index is what makes settling idempotent.
CREATE TABLE logs (
	id INTEGER PRIMARY KEY,
	user_id INTEGER NOT NULL,                      -- users.id, 0 = none (channel tests)
	created_at INTEGER NOT NULL,
	type INTEGER NOT NULL,                         -- 1 top-up, 2 consumption, 3 management, 4 system,
	                                               -- 5 channel test, 6 error
	content TEXT NOT NULL DEFAULT '',
	username TEXT NOT NULL DEFAULT '',             -- this and the next as they were then
	token_name TEXT NOT NULL DEFAULT '',
	model_name TEXT NOT NULL DEFAULT '',           -- after mapping
	quota INTEGER NOT NULL DEFAULT 0,              -- charged (type 2) or granted (type 1)
	prompt_tokens INTEGER NOT NULL DEFAULT 0,
	completion_tokens INTEGER NOT NULL DEFAULT 0,
	channel_id INTEGER NOT NULL DEFAULT 0,         -- channels.id
	request_id TEXT NOT NULL DEFAULT '',
	elapsed_time INTEGER NOT NULL DEFAULT 0,       -- milliseconds
	is_stream INTEGER NOT NULL DEFAULT 0,          -- flag
	system_prompt_reset INTEGER NOT NULL DEFAULT 0, -- flag: the channel replaced the system prompt
	token_id INTEGER NOT NULL DEFAULT 0,           -- tokens.id
	origin_model TEXT NOT NULL DEFAULT '',         -- as the client asked
	cached_tokens INTEGER NOT NULL DEFAULT 0,      -- part of prompt_tokens
	attempts INTEGER NOT NULL DEFAULT 0,           -- upstream calls made
	first_byte_ms INTEGER NOT NULL DEFAULT 0,      -- until the upstream's first byte
	upstream_status INTEGER NOT NULL DEFAULT 0,    -- HTTP status, 0 = none
	finish INTEGER NOT NULL DEFAULT 0,             -- 0 complete, 1 aborted, 2 estimated, 3 swept
	model_ratio INTEGER NOT NULL DEFAULT 0,        -- these three in millionths
	completion_ratio INTEGER NOT NULL DEFAULT 0,
	group_ratio INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The row id ends every index by itself, so logs_user gives a user's rows in their order.
CREATE UNIQUE INDEX logs_request ON logs (request_id) WHERE type = 2 AND request_id <> '';
CREATE INDEX logs_user ON logs (user_id);
CREATE INDEX logs_created ON logs (created_at);
-- Nearly every row is consumption, so for that type the table itself is read, newest first.
CREATE INDEX logs_type ON logs (type) WHERE type <> 2;

-- ------------------------------------------------------------------------------------------------
-- redemptions: codes that turn into quota, once
CREATE TABLE redemptions (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	user_id INTEGER NOT NULL,                      -- users.id of the admin who made it
	key_hash BLOB NOT NULL,                        -- of the code, label "redemption"
	key_sealed TEXT NOT NULL,                      -- the code, aad "redemption.key"
	status INTEGER NOT NULL DEFAULT 1,             -- 1 unused, 2 disabled, 3 used
	name TEXT NOT NULL DEFAULT '',                 -- of the batch
	quota INTEGER NOT NULL,                        -- what it is worth
	created_time INTEGER NOT NULL DEFAULT 0,
	redeemed_time INTEGER NOT NULL DEFAULT 0,      -- 0 = not yet
	redeemed_by INTEGER NOT NULL DEFAULT 0         -- users.id, 0 = nobody yet
) STRICT;

CREATE UNIQUE INDEX redemptions_key ON redemptions (key_hash);

-- ------------------------------------------------------------------------------------------------
-- sessions: who is signed in with which cookie
CREATE TABLE sessions (
	id_hash BLOB NOT NULL PRIMARY KEY,             -- of the cookie, label "session"
	user_id INTEGER NOT NULL,                      -- users.id
	session_epoch INTEGER NOT NULL,                -- users.session_epoch when it was made
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_expiry ON sessions (expires_at);
