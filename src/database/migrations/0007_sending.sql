-- safe while the old version runs
-- Which node sends for an account, and what its transactions cost.

-- Several nodes may send for an account; until this moment only one of them tries.
alter table chain_account
  add column driver uuid,
  add column driven_until timestamptz,
  add constraint chain_account_driven_by check ((driver is null) = (driven_until is null));

-- Wei paid for the gas of a transaction that is final, whatever became of its work.
create table chain_gas (
  hash bytea primary key references chain_transaction (hash),
  wei numeric not null check (wei >= 0 and wei = trunc(wei))
);
