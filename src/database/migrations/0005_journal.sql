-- safe while the old version runs
-- Everything that the pool sends on chain: what is to be done, and the signed bytes for it.

-- One account on one chain. A writer counts the version up; who knows an older one loads anew.
create table chain_account (
  chain_id bigint not null check (chain_id > 0),
  account bytea not null check (length(account) = 20),
  version bigint not null default 0,
  primary key (chain_id, account)
);

create table chain_intent (
  number bigint generated always as identity primary key,
  chain_id bigint not null,
  account bytea not null,
  -- What it is for, once and for all: reward:4021, redeem:<ticket hash>.
  id text not null check (id ~ '^[!-~]{1,200}$'),
  recipient bytea not null check (length(recipient) = 20),
  -- Wei.
  value numeric not null check (value >= 0 and value = trunc(value)),
  calldata bytea not null,
  gas_limit bigint not null check (gas_limit > 0),
  -- Wei that it brings in or moves; its gas may cost a share of that.
  worth numeric check (worth >= 0 and worth = trunc(worth)),
  withdrawn boolean not null default false,
  state text not null default 'intended'
    check (state in ('intended', 'signed', 'broadcast', 'included', 'final', 'failed')),
  reason text check (reason in ('withdrawn', 'refused', 'not_needed')),
  -- The transaction that did it.
  hash bytea,
  block bigint check (block >= 0),
  succeeded boolean,
  at timestamptz not null default now(),
  unique (chain_id, account, id),
  constraint chain_intent_account foreign key (chain_id, account) references chain_account,
  constraint chain_intent_says_why_it_failed check ((state = 'failed') = (reason is not null)),
  constraint chain_intent_says_where check (
    case when state in ('included', 'final')
      then hash is not null and block is not null and succeeded is not null
      else hash is null and block is null and succeeded is null end)
);

create index chain_intent_open on chain_intent (chain_id, account, number)
  where state not in ('final', 'failed');

-- A nonce belongs to one intent for ever.
create table chain_nonce (
  chain_id bigint not null,
  account bytea not null,
  nonce bigint not null check (nonce >= 0),
  intent bigint not null references chain_intent (number),
  -- The final transaction that used it up without the intent's work.
  used_up_by bytea check (length(used_up_by) = 32),
  primary key (chain_id, account, nonce)
);

-- An intent gets another nonce only after the one before is used up.
create unique index chain_nonce_one_for_an_intent on chain_nonce (intent)
  where used_up_by is null;

-- Signed bytes: stored before they are sent, sent again as they are.
create table chain_transaction (
  hash bytea primary key check (length(hash) = 32),
  number bigint generated always as identity unique,
  chain_id bigint not null,
  account bytea not null,
  nonce bigint not null,
  kind text not null check (kind in ('work', 'cancel')),
  raw bytea not null,
  -- Wei per gas.
  max_fee_per_gas numeric not null check (max_fee_per_gas >= 0),
  max_priority_fee_per_gas numeric not null check (max_priority_fee_per_gas >= 0),
  signed_at timestamptz not null,
  foreign key (chain_id, account, nonce) references chain_nonce
);

create index chain_transaction_nonce on chain_transaction (chain_id, account, nonce);

alter table chain_intent add constraint chain_intent_done_by
  foreign key (hash) references chain_transaction (hash);

create function chain_intent_stays_settled() returns trigger language plpgsql as $$
begin
  if old.state in ('final', 'failed') then
    raise exception 'what was settled on chain does not change' using errcode = '55000';
  end if;
  return new;
end
$$;

create trigger chain_intent_stays_settled before update or delete on chain_intent
  for each row execute function chain_intent_stays_settled();

create function chain_transaction_is_final() returns trigger language plpgsql as $$
begin
  raise exception 'signed bytes are kept as they are' using errcode = '55000';
end
$$;

create trigger chain_transaction_is_final before update or delete or truncate on chain_transaction
  for each statement execute function chain_transaction_is_final();
