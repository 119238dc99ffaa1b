-- 0041-background.sql: what a background response was charged in advance; budgets of swept requests

-- Beside due and billed_* of 0002: a response that runs in the background is charged the most that
-- it may cost when it is made, and the difference once its final usage is seen.
ALTER TABLE resources ADD COLUMN billed_quota INTEGER NOT NULL DEFAULT 0;    -- charged so far
ALTER TABLE resources ADD COLUMN billed_token INTEGER NOT NULL DEFAULT 0;    -- tokens.id that paid
ALTER TABLE resources ADD COLUMN billed_budgets TEXT NOT NULL DEFAULT '';    -- as reservations.budgets
ALTER TABLE resources ADD COLUMN bounded INTEGER NOT NULL DEFAULT 0;         -- flag: it named its most
ALTER TABLE resources ADD COLUMN seen_completion INTEGER NOT NULL DEFAULT 0; -- tokens seen in parts

-- A request that was swept and settles after all corrects the budgets that the sweep settled.
CREATE TABLE swept_budgets (
	request_id TEXT PRIMARY KEY,
	budgets TEXT NOT NULL,     -- as reservations.budgets
	swept_at INTEGER NOT NULL  -- Unix seconds; kept for a day
) STRICT;
CREATE INDEX swept_budgets_time ON swept_budgets (swept_at);
