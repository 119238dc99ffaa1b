-- 0060-usage-sums.sql: what the log adds up to by the hour, for everybody and for each user

-- The part of requests and of prompt_tokens + completion_tokens that has no log row, as
-- unlogged_quota is that of quota.
ALTER TABLE usage_hours ADD COLUMN unlogged_requests INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage_hours ADD COLUMN unlogged_tokens INTEGER NOT NULL DEFAULT 0;

-- Of hours that the log still has in full, it is what the log does not have.
UPDATE usage_hours SET unlogged_requests = requests,
	unlogged_tokens = prompt_tokens + completion_tokens
	WHERE hour >= (SELECT cleaned_before FROM usage_mark WHERE id = 1);
UPDATE usage_hours SET unlogged_requests = unlogged_requests - l.requests,
	unlogged_tokens = unlogged_tokens - l.tokens FROM
	(SELECT user_id, created_at - created_at % 3600 AS hour, token_id, channel_id, model_name,
		COUNT(*) AS requests, SUM(prompt_tokens + completion_tokens) AS tokens
		FROM logs WHERE type = 2 AND id <= (SELECT log_id FROM usage_mark WHERE id = 1)
		AND created_at >= (SELECT cleaned_before FROM usage_mark WHERE id = 1)
		GROUP BY 1, 2, 3, 4, 5) AS l
	WHERE usage_hours.user_id = l.user_id AND usage_hours.hour = l.hour
	AND usage_hours.token_id = l.token_id AND usage_hours.channel_id = l.channel_id
	AND usage_hours.model_name = l.model_name
	AND usage_hours.hour >= (SELECT cleaned_before FROM usage_mark WHERE id = 1);

-- ------------------------------------------------------------------------------------------------
-- usage_sums: usage_hours without models, keys and channels, and of it only what the log has or had
--
-- Kept by the triggers, so that whatever changes usage_hours changes this. A sum over years reads a
-- row an hour, however many models and keys there are.
CREATE TABLE usage_sums (
	user_id INTEGER NOT NULL,                      -- users.id; -1 = everybody
	hour INTEGER NOT NULL,                         -- as in usage_hours
	requests INTEGER NOT NULL,
	quota INTEGER NOT NULL,
	tokens INTEGER NOT NULL,                       -- of prompts and answers
	PRIMARY KEY (user_id, hour)
) STRICT, WITHOUT ROWID;

INSERT INTO usage_sums (user_id, hour, requests, quota, tokens)
	SELECT user_id, hour, SUM(requests - unlogged_requests), SUM(quota - unlogged_quota),
		SUM(prompt_tokens + completion_tokens - unlogged_tokens)
	FROM usage_hours GROUP BY user_id, hour;
INSERT INTO usage_sums (user_id, hour, requests, quota, tokens)
	SELECT -1, hour, SUM(requests), SUM(quota), SUM(tokens) FROM usage_sums GROUP BY hour;

CREATE TRIGGER usage_sums_grow AFTER INSERT ON usage_hours
BEGIN
	INSERT INTO usage_sums (user_id, hour, requests, quota, tokens)
		VALUES (NEW.user_id, NEW.hour, NEW.requests - NEW.unlogged_requests,
			NEW.quota - NEW.unlogged_quota,
			NEW.prompt_tokens + NEW.completion_tokens - NEW.unlogged_tokens),
			(-1, NEW.hour, NEW.requests - NEW.unlogged_requests,
			NEW.quota - NEW.unlogged_quota,
			NEW.prompt_tokens + NEW.completion_tokens - NEW.unlogged_tokens)
		ON CONFLICT (user_id, hour) DO UPDATE SET requests = requests + excluded.requests,
			quota = quota + excluded.quota, tokens = tokens + excluded.tokens;
END;
CREATE TRIGGER usage_sums_change AFTER UPDATE ON usage_hours
BEGIN
	UPDATE usage_sums SET
		requests = requests + (NEW.requests - NEW.unlogged_requests)
			- (OLD.requests - OLD.unlogged_requests),
		quota = quota + (NEW.quota - NEW.unlogged_quota) - (OLD.quota - OLD.unlogged_quota),
		tokens = tokens + (NEW.prompt_tokens + NEW.completion_tokens - NEW.unlogged_tokens)
			- (OLD.prompt_tokens + OLD.completion_tokens - OLD.unlogged_tokens)
		WHERE user_id IN (OLD.user_id, -1) AND hour = OLD.hour;
END;
CREATE TRIGGER usage_sums_shrink AFTER DELETE ON usage_hours
BEGIN
	UPDATE usage_sums SET requests = requests - (OLD.requests - OLD.unlogged_requests),
		quota = quota - (OLD.quota - OLD.unlogged_quota),
		tokens = tokens - (OLD.prompt_tokens + OLD.completion_tokens - OLD.unlogged_tokens)
		WHERE user_id IN (OLD.user_id, -1) AND hour = OLD.hour;
END;
