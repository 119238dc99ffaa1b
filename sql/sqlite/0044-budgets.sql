-- 0044-budgets.sql: budgets of channels and client addresses, too
--
-- limits.budget_* (0004) count for every scope now, budget_sums.scope may be channel or address.
-- A channel's budget holds what requests that it serves hold, and moves with a request that goes on
-- to another channel. Rows of addresses that never came again are removed a few at a time; this
-- finds them.
CREATE INDEX budget_sums_scope ON budget_sums (scope, start);
