-- safe while the old version runs
-- Redemptions of which it is not known yet what of them the contract gave to the orchestrator, and what
-- to its delegators. Those before this version are compared as before.

create table redemption_unmeasured (
  transaction bytea primary key check (length(transaction) = 32)
);
