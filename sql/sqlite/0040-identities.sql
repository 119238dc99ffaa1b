-- 0040-identities.sql: users are found by who they are at third parties
--
-- github_id is id:<number>, since a login name can pass to another person; rows of an old database
-- hold the login name until its owner signs in. oidc_id is iss:<issuer> <sub>; of an old database
-- the sub alone, likewise. Not unique: old databases may have doubles, and looking and setting are one
-- transaction.
CREATE INDEX users_github ON users (github_id) WHERE github_id <> '';
CREATE INDEX users_lark ON users (lark_id) WHERE lark_id <> '';
CREATE INDEX users_oidc ON users (oidc_id) WHERE oidc_id <> '';
CREATE INDEX users_wechat ON users (wechat_id) WHERE wechat_id <> '';
