-- 0054-payments.sql: which payments were credited, so that one reported twice credits once
--
-- Rows stay when the log is cleaned.
CREATE TABLE payments (
	user_id INTEGER NOT NULL,                      -- users.id
	transaction_id TEXT NOT NULL,                  -- the payment integration's number
	created_at INTEGER NOT NULL,
	PRIMARY KEY (user_id, transaction_id)
) STRICT, WITHOUT ROWID;

INSERT OR IGNORE INTO payments SELECT user_id, request_id, created_at FROM logs
	WHERE type = 1 AND request_id <> '';
