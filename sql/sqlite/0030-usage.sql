-- 0030-usage.sql: what was consumed by the hour, and what the books are checked against

-- ------------------------------------------------------------------------------------------------
-- usage_hours: sums of log rows of type 2
--
-- Filled in from the log in steps (common/store/usage.c); usage_mark says how far, and moves in the
-- same transaction, so that no row counts twice or never, whatever dies when. It outlives the log
-- rows: what the log loses by a clean-up stays here. Can be rebuilt from the rows that are left.
CREATE TABLE usage_hours (
	user_id INTEGER NOT NULL,                      -- users.id
	hour INTEGER NOT NULL,                         -- its first second
	token_id INTEGER NOT NULL,                     -- tokens.id
	channel_id INTEGER NOT NULL,                   -- channels.id
	model_name TEXT NOT NULL,                      -- as in logs
	requests INTEGER NOT NULL,
	quota INTEGER NOT NULL,
	prompt_tokens INTEGER NOT NULL,
	completion_tokens INTEGER NOT NULL,
	cached_tokens INTEGER NOT NULL,
	elapsed_ms INTEGER NOT NULL,
	unlogged_quota INTEGER NOT NULL DEFAULT 0,     -- part of quota that has no log row
	PRIMARY KEY (user_id, hour, token_id, channel_id, model_name)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_hours_hour ON usage_hours (hour);

-- usage_mark: one row
CREATE TABLE usage_mark (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	log_id INTEGER NOT NULL,                       -- logs up to this id are in usage_hours
	cleaned_before INTEGER NOT NULL                -- log rows before this time may be gone
) STRICT;

INSERT INTO usage_mark (id, log_id, cleaned_before) VALUES (1, 0, 0);

-- The id of the newest log row is used again when that row goes; a mark that stayed behind would
-- hide the next row.
CREATE TRIGGER usage_mark_goes_back AFTER DELETE ON logs
WHEN OLD.id = (SELECT log_id FROM usage_mark WHERE id = 1)
BEGIN
	UPDATE usage_mark SET log_id = (SELECT COALESCE(MAX(id), 0) FROM logs WHERE id < OLD.id)
		WHERE id = 1;
END;

-- log_cleanups: deletions of old log rows that an administrator asked for; the oldest unfinished
-- one is worked on in steps
CREATE TABLE log_cleanups (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	before INTEGER NOT NULL,                       -- rows made before this time go
	user_id INTEGER NOT NULL,                      -- users.id of who asked
	created_at INTEGER NOT NULL,
	deleted INTEGER NOT NULL DEFAULT 0,            -- rows so far
	finished_at INTEGER NOT NULL DEFAULT 0         -- 0 = not yet
) STRICT;

-- ------------------------------------------------------------------------------------------------
-- What fcgi-admin reconcile proves: granted - left - reserved = used_quota, and used_quota -
-- used_before = the sum over usage_hours and the log rows behind the mark. A balance that a row
-- begins with counts as granted, whoever inserts it; changes come through billing/quota.c.
ALTER TABLE users ADD COLUMN granted INTEGER NOT NULL DEFAULT 0;     -- ever
ALTER TABLE users ADD COLUMN used_before INTEGER NOT NULL DEFAULT 0; -- of used_quota, without log
ALTER TABLE tokens ADD COLUMN granted INTEGER NOT NULL DEFAULT 0;    -- counts while limited
ALTER TABLE tokens ADD COLUMN used_before INTEGER NOT NULL DEFAULT 0;
ALTER TABLE channels ADD COLUMN used_before INTEGER NOT NULL DEFAULT 0;

UPDATE users SET used_before = used_quota, granted = quota + used_quota +
	(SELECT COALESCE(SUM(amount), 0) FROM reservations WHERE user_id = users.id);
UPDATE tokens SET used_before = used_quota, granted = remain_quota + used_quota +
	(SELECT COALESCE(SUM(amount), 0) FROM reservations WHERE token_id = tokens.id);
UPDATE channels SET used_before = used_quota;

UPDATE users SET used_before = used_before - l.charged FROM
	(SELECT user_id, SUM(quota) AS charged FROM logs WHERE type = 2 GROUP BY user_id) AS l
	WHERE l.user_id = users.id;
UPDATE tokens SET used_before = used_before - l.charged FROM
	(SELECT token_id, SUM(quota) AS charged FROM logs WHERE type = 2 GROUP BY token_id) AS l
	WHERE l.token_id = tokens.id;
UPDATE channels SET used_before = used_before - l.charged FROM
	(SELECT channel_id, SUM(quota) AS charged FROM logs WHERE type = 2 GROUP BY channel_id) AS l
	WHERE l.channel_id = channels.id;

CREATE TRIGGER users_begin AFTER INSERT ON users WHEN NEW.quota <> 0 OR NEW.used_quota <> 0
BEGIN
	UPDATE users SET granted = NEW.quota + NEW.used_quota, used_before = NEW.used_quota
		WHERE id = NEW.id;
END;
CREATE TRIGGER tokens_begin AFTER INSERT ON tokens WHEN NEW.remain_quota <> 0 OR NEW.used_quota <> 0
BEGIN
	UPDATE tokens SET granted = NEW.remain_quota + NEW.used_quota, used_before = NEW.used_quota
		WHERE id = NEW.id;
END;
CREATE TRIGGER channels_begin AFTER INSERT ON channels WHEN NEW.used_quota <> 0
BEGIN
	UPDATE channels SET used_before = NEW.used_quota WHERE id = NEW.id;
END;
