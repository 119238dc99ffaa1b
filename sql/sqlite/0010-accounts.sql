-- 0010-accounts.sql: what registering, signing in and mail need beside users and sessions

-- ------------------------------------------------------------------------------------------------
-- users
ALTER TABLE users ADD COLUMN access_token_used_at INTEGER NOT NULL DEFAULT 0; -- 0 = never
-- When inviter and invitee got their quota, which happens once, after the address was verified. What
-- was there before, or came by an import, got it already.
ALTER TABLE users ADD COLUMN invite_granted_at INTEGER NOT NULL DEFAULT 0;    -- -1 = due, 0 = none
-- Flag: an old database brought this address for several accounts. A new address never is.
ALTER TABLE users ADD COLUMN email_shared INTEGER NOT NULL DEFAULT 0;

UPDATE users SET email_shared = 1 WHERE email <> '' AND status <> 3 AND email IN
	(SELECT email FROM users WHERE email <> '' AND status <> 3 GROUP BY email HAVING COUNT(*) > 1);
CREATE UNIQUE INDEX users_email_once ON users (email)
	WHERE email <> '' AND status <> 3 AND email_shared = 0;
CREATE INDEX users_inviter ON users (inviter_id, invite_granted_at) WHERE inviter_id <> 0;

-- ------------------------------------------------------------------------------------------------
-- codes: what we told somebody in secret, to be shown to us soon
--
-- One per purpose and subject, the newest replaces older ones. The code itself is nowhere, only its
-- keyed hash (label "code").
CREATE TABLE codes (
	purpose TEXT NOT NULL,                         -- email, reset, login, turnstile
	subject TEXT NOT NULL COLLATE NOCASE,          -- an address, users.id as text, a hash
	code_hash BLOB NOT NULL,
	uses INTEGER NOT NULL DEFAULT 0,               -- wrong tries; turnstile: uses
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	PRIMARY KEY (purpose, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX codes_expiry ON codes (expires_at);

-- ------------------------------------------------------------------------------------------------
-- second_factors: time-based codes (RFC 6238) of who wants them
CREATE TABLE second_factors (
	user_id INTEGER PRIMARY KEY,                   -- users.id
	secret_sealed TEXT NOT NULL,                   -- aad "totp.secret", 20 bytes in base32
	confirmed_at INTEGER NOT NULL DEFAULT 0,       -- 0 = begun, not in force yet
	last_step INTEGER NOT NULL DEFAULT 0,          -- of the last code used: none is used twice
	created_at INTEGER NOT NULL
) STRICT;

-- recovery_codes: each signs in once instead of a code; all are replaced together
CREATE TABLE recovery_codes (
	user_id INTEGER NOT NULL,                      -- users.id
	code_hash BLOB NOT NULL,                       -- label "recovery"
	PRIMARY KEY (user_id, code_hash)
) STRICT, WITHOUT ROWID;

-- ------------------------------------------------------------------------------------------------
-- outbox: mail and notices that wait to be sent
--
-- Written in the transaction that is the reason for it, by either program; sent by fcgi-admin. A
-- row is taken by moving due_at on, so that one whose sender died is due again.
CREATE TABLE outbox (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	kind TEXT NOT NULL,                            -- mail: to an address; notice: to root
	recipient TEXT NOT NULL DEFAULT '',            -- addresses with ; between them, '' for a notice
	subject TEXT NOT NULL,
	body_sealed TEXT NOT NULL,                     -- HTML, aad "outbox.body": it may hold a code
	tries INTEGER NOT NULL DEFAULT 0,
	created_at INTEGER NOT NULL,
	due_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL                    -- dropped then, sent or not
) STRICT;

CREATE INDEX outbox_due ON outbox (due_at);
