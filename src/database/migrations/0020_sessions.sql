-- safe while the old version runs
-- Who runs the pool, who is signed in, and who changed what.

create table operator (
  id text primary key check (id ~ '^[a-z2-7]{10}$'),
  name text not null check (name ~ '^[A-Za-z0-9._-]{1,64}$'),
  role text not null check (role in ('viewer', 'support', 'finance', 'owner')),
  -- A wallet to sign in with; without one there are links.
  address bytea check (length(address) = 20),
  added_at timestamptz not null,
  removed_at timestamptz
);

-- A name and a wallet are one operator's at a time; whoever was removed stays for the audit log.
create unique index operator_name on operator (lower(name)) where removed_at is null;
create unique index operator_address on operator (address) where removed_at is null;

-- Only hashes of tokens are here, so that nobody who reads the database is signed in.
create table api_session (
  hash bytea primary key check (length(hash) = 32),
  operator text references operator (id),
  -- A link is of one worker; a wallet has all those that are paid there, at each moment.
  worker text references worker (id),
  address bytea check (length(address) = 20),
  signed_in_by text not null check (signed_in_by in ('wallet', 'link')),
  created_at timestamptz not null,
  expires_at timestamptz not null check (expires_at > created_at),
  ended_at timestamptz,
  constraint api_session_is_of_one check (num_nonnulls(operator, worker, address) = 1)
);

create index api_session_operator on api_session (operator) where operator is not null;
create index api_session_worker on api_session (worker) where worker is not null;
create index api_session_address on api_session (address) where address is not null;

create table login_link (
  hash bytea primary key check (length(hash) = 32),
  operator text references operator (id),
  worker text references worker (id),
  created_at timestamptz not null,
  expires_at timestamptz not null check (expires_at > created_at),
  used_at timestamptz,
  constraint login_link_is_of_one check (num_nonnulls(operator, worker) = 1)
);

-- Nonces of wallets that signed in. Those that were only handed out are nowhere: they carry a MAC.
create table used_nonce (
  nonce text primary key check (nonce ~ '^[A-Za-z0-9]{16,96}$'),
  expires_at timestamptz not null
);

create table audit_log (
  number bigint generated always as identity primary key,
  at timestamptz not null,
  actor_kind text not null check (actor_kind in ('operator', 'worker', 'nobody')),
  actor_id text not null check (length(actor_id) <= 100),
  actor_name text not null check (length(actor_name) <= 100),
  route text not null check (length(route) <= 200),
  target text not null check (length(target) <= 300),
  -- What was asked for, without secrets.
  asked jsonb not null,
  -- Null: it had not ended when the pool did.
  outcome text check (length(outcome) <= 200),
  before jsonb,
  after jsonb
);

create index audit_log_actor on audit_log (actor_id, number);

-- Entries are added, and end once; nothing is changed or taken away.
create function audit_log_stays() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and old.outcome is null and new.outcome is not null
    and (new.number, new.at, new.actor_kind, new.actor_id, new.actor_name, new.route, new.asked)
      is not distinct from
      (old.number, old.at, old.actor_kind, old.actor_id, old.actor_name, old.route, old.asked)
  then
    return new;
  end if;
  raise exception 'the audit log stays as it is' using errcode = '55000';
end
$$;

create trigger audit_log_stays before update or delete on audit_log
  for each row execute function audit_log_stays();
create trigger audit_log_stays_whole before truncate on audit_log
  for each statement execute function audit_log_stays();
