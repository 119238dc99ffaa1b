-- 0020-jobs.sql: work on channels that goes on without a browser, and what happened to channels

-- ------------------------------------------------------------------------------------------------
-- jobs: tests and balances of many channels
--
-- Whoever asks for one writes it with its items; a process of fcgi-admin takes it for as long as its
-- lease and works off the items. When that process dies, another takes the job and goes on with what
-- is left. At most one of a kind is unfinished.
CREATE TABLE jobs (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	kind TEXT NOT NULL,                            -- test, balance
	scope TEXT NOT NULL,                           -- all, disabled
	origin TEXT NOT NULL,                          -- person, timer
	user_id INTEGER NOT NULL DEFAULT 0,            -- users.id of the person
	state TEXT NOT NULL DEFAULT 'waiting',         -- waiting, running, done, stopped
	stop_asked INTEGER NOT NULL DEFAULT 0,         -- flag: ends with the calls that are under way
	node TEXT NOT NULL DEFAULT '',                 -- which process has it
	lease_until INTEGER NOT NULL DEFAULT 0,
	created_at INTEGER NOT NULL,
	finished_at INTEGER NOT NULL DEFAULT 0         -- 0 = not yet
) STRICT;

CREATE UNIQUE INDEX jobs_one ON jobs (kind) WHERE finished_at = 0;

CREATE TABLE job_items (
	job_id INTEGER NOT NULL,                       -- jobs.id
	channel_id INTEGER NOT NULL,                   -- channels.id
	state INTEGER NOT NULL DEFAULT 0,              -- 0 waiting, 1 went well, 2 failed
	elapsed_ms INTEGER NOT NULL DEFAULT 0,
	message TEXT NOT NULL DEFAULT '',              -- what the model said, or why not
	action TEXT NOT NULL DEFAULT '',               -- what followed: disabled, enabled, parked, slow
	finished_at INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (job_id, channel_id)
) STRICT, WITHOUT ROWID;

-- ------------------------------------------------------------------------------------------------
-- channel_events: what the gateway did to channels by itself, and why
--
-- Written in the transaction that does it, by either program. fcgi-admin makes notices of those that
-- nobody was told of; rows go after 90 days.
CREATE TABLE channel_events (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	channel_id INTEGER NOT NULL,                   -- channels.id, 0 = none
	name TEXT NOT NULL DEFAULT '',                 -- of the channel, as it was then
	kind TEXT NOT NULL,                            -- disabled, enabled, parked, slow, tested
	cause TEXT NOT NULL DEFAULT '',                -- with a sample of what the upstream said
	created_at INTEGER NOT NULL,
	told INTEGER NOT NULL DEFAULT 0                -- flag
) STRICT;

CREATE INDEX channel_events_channel ON channel_events (channel_id, id);
CREATE INDEX channel_events_untold ON channel_events (told) WHERE told = 0;

-- ------------------------------------------------------------------------------------------------
-- secret_check: one row, a word sealed under the data key: tells whether a secret is the right one
CREATE TABLE secret_check (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	sealed TEXT NOT NULL                           -- aad "secret.check"
) STRICT;
