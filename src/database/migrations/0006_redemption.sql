-- safe while the old version runs
-- Who redeems a winning ticket by which transaction, and what redeeming cost.

-- Which intent of which account a ticket in the state 'redeeming' waits for, and how often it was
-- claimed: each claim has an intent of its own.
alter table winning_ticket
  add column redeemer bytea check (length(redeemer) = 20),
  add column intent text check (intent ~ '^[!-~]{1,200}$'),
  add column tries integer not null default 0 check (tries >= 0),
  add constraint winning_ticket_intent check ((redeemer is null) = (intent is null));

create index winning_ticket_intent on winning_ticket (intent) where state = 'redeeming';

-- Gas that final transactions took, whether they succeeded or not.
create table chain_gas (
  -- Of the transaction.
  hash bytea primary key check (length(hash) = 32),
  purpose text not null check (purpose ~ '^[a-z_]{1,40}$'),
  -- Wei.
  paid numeric not null check (paid >= 0 and paid = trunc(paid)),
  at timestamptz not null default now()
);
