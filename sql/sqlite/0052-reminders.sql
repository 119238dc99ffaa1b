-- 0052-reminders.sql: who is to be told that the quota runs out, and in which language

ALTER TABLE users ADD COLUMN language TEXT NOT NULL DEFAULT ''; -- of the last sign-in: en, zh

-- quota_reminders: users whose charges took them across QuotaRemindThreshold, or to nothing
--
-- Written in the settlement that does it, turned into mail by fcgi-admin, then gone. What counts is
-- what is left with open reservations counted as not spent, that is granted - used_quota: a
-- reservation that is given back crosses nothing.
CREATE TABLE quota_reminders (
	user_id INTEGER PRIMARY KEY,                   -- users.id
	left_quota INTEGER NOT NULL,
	created_at INTEGER NOT NULL
) STRICT;

-- Only a charge writes used_quota; the option is looked up only for who could be told.
CREATE TRIGGER users_run_low AFTER UPDATE OF used_quota ON users
WHEN NEW.used_quota > OLD.used_quota AND NEW.email <> '' AND NEW.status = 1 AND
	((OLD.granted > OLD.used_quota AND NEW.granted <= NEW.used_quota) OR
	COALESCE((SELECT CAST(value AS INTEGER) FROM options WHERE name = 'QuotaRemindThreshold'), 1000)
		BETWEEN NEW.granted - NEW.used_quota + 1 AND OLD.granted - OLD.used_quota)
BEGIN
	INSERT INTO quota_reminders (user_id, left_quota, created_at)
		VALUES (NEW.id, NEW.granted - NEW.used_quota, unixepoch())
		ON CONFLICT (user_id) DO UPDATE SET left_quota = excluded.left_quota;
END;
