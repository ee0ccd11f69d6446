-- safe while the old version runs
-- Who works for the pool, and the hashes of the secrets that each may use.

create table worker (
  id text primary key check (id ~ '^[a-z2-7]{10}$'),
  name text not null check (name ~ '^[A-Za-z0-9._-]{1,64}$'),
  payout_address bytea check (length(payout_address) = 20),
  state text not null default 'active' check (state in ('active', 'paused', 'draining', 'revoked')),
  created_at timestamptz not null default now()
);

-- A revoked worker frees its name; case does not make a name another one.
create unique index worker_name on worker (lower(name)) where state <> 'revoked';

create table credential (
  hash bytea primary key check (length(hash) = 32),
  worker text not null references worker (id),
  -- Two places, so that at most two secrets of a worker are valid at once.
  slot smallint not null check (slot in (1, 2)),
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);

create unique index credential_slot on credential (worker, slot) where revoked_at is null;

-- Every node keeps the workers in memory; this tells all of them, in the commit itself.
create function worker_changed() returns trigger language plpgsql as $$
begin
  if tg_table_name = 'worker' then
    perform pg_notify('worker_changed', new.id);
  else
    perform pg_notify('worker_changed', new.worker);
  end if;
  return null;
end
$$;

create trigger worker_changed after insert or update on worker
  for each row execute function worker_changed();
create trigger worker_changed after insert or update on credential
  for each row execute function worker_changed();
