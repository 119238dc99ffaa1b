-- 0004-limits.sql: what keys, users, groups and channels may use per minute, day, week and month
--
-- Limits that hold for everybody of a kind are the option RateLimits; a row here stands for one
-- subject and replaces that as a whole. 0 is "no limit".
CREATE TABLE limits (
	scope TEXT NOT NULL,                           -- key, user, group or channel
	subject TEXT NOT NULL,                         -- its id as text, or the group's name
	rpm INTEGER NOT NULL DEFAULT 0,                -- requests per minute
	tpm INTEGER NOT NULL DEFAULT 0,                -- tokens per minute, in and out
	tpd INTEGER NOT NULL DEFAULT 0,                -- tokens per day, in and out
	parallel INTEGER NOT NULL DEFAULT 0,           -- requests at the same time
	budget_day INTEGER NOT NULL DEFAULT 0,         -- quota per day; budgets: not for channels
	budget_week INTEGER NOT NULL DEFAULT 0,        -- quota per week, from Monday
	budget_month INTEGER NOT NULL DEFAULT 0,       -- quota per month
	timezone TEXT NOT NULL DEFAULT '',             -- in which these begin: IANA name, '' = UTC
	PRIMARY KEY (scope, subject)
) STRICT, WITHOUT ROWID;

-- budget_sums: what was spent and is held against a budget in one period
--
-- Written by reservations and settlements of subjects that have a budget; what was spent before the
-- budget was set is not in it. Rows of past periods go when the next period's row is made.
CREATE TABLE budget_sums (
	scope TEXT NOT NULL,                           -- key, user or group
	subject TEXT NOT NULL,
	period TEXT NOT NULL,                          -- day, week or month
	start INTEGER NOT NULL,                        -- when it began
	spent INTEGER NOT NULL DEFAULT 0,              -- quota charged
	reserved INTEGER NOT NULL DEFAULT 0,           -- quota held by requests under way
	PRIMARY KEY (scope, subject, period, start)
) STRICT, WITHOUT ROWID;

-- Which of these rows a reservation counts in, one a line, as billing/budget.c writes them.
ALTER TABLE reservations ADD COLUMN budgets TEXT NOT NULL DEFAULT '';
