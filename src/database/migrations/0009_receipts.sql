-- safe while the old version runs
-- A receipt for each credited contribution, numbered by worker without a gap and added up by epoch.

create table epoch (
  number bigint primary key check (number > 0),
  -- Receipts join the open one. One that is closing gets none any more and waits for its books.
  state text not null default 'open' check (state in ('open', 'closing', 'closed')),
  opened_at timestamptz not null default now(),
  ended_at timestamptz,
  closed_at timestamptz,
  -- The terms that it is settled by; 0: none were published.
  terms_version integer not null default 0 check (terms_version >= 0),
  constraint epoch_state_has_its_times check (
    (ended_at is null) = (state = 'open') and (closed_at is null) = (state <> 'closed'))
);

create unique index epoch_one_is_open on epoch (state) where state = 'open';

create function epoch_goes_on() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if (old.state, new.state) in (('open', 'closing'), ('closing', 'closed'))
      and (new.number, new.opened_at, new.terms_version)
        = (old.number, old.opened_at, old.terms_version)
      and new.ended_at is not distinct from coalesce(old.ended_at, new.ended_at) then
      return new;
    end if;
  end if;
  raise exception 'an epoch goes from open to closing to closed, and stays' using errcode = '55000';
end
$$;

create trigger epoch_goes_on before update or delete on epoch
  for each row execute function epoch_goes_on();
create trigger epochs_are_kept before truncate on epoch
  for each statement execute function epoch_goes_on();

insert into epoch (number) values (1);

-- What a worker did in an epoch, kept in the transactions of its contributions: closing an epoch
-- reads one row for each worker. The last row of a worker holds the head of its receipts.
create table worker_epoch (
  worker text not null references worker (id),
  epoch bigint not null references epoch (number),
  jobs bigint not null default 0,
  units numeric not null default 0,
  source_ms bigint not null default 0,
  device_ms bigint not null default 0,
  failed_attempts bigint not null default 0,
  -- Sum of the receipts' amounts: an epoch prices all work of a worker in one asset.
  asset text check (asset ~ '^[A-Z][A-Z0-9]{0,11}$'),
  amount numeric not null default 0 check (amount = trunc(amount)),
  -- The worker's last receipt before this epoch.
  sequence_before bigint not null check (sequence_before >= 0),
  last_sequence bigint not null,
  last_receipt_hash bytea not null check (length(last_receipt_hash) = 32),
  primary key (worker, epoch),
  constraint worker_epoch_has_no_gap check (last_sequence = sequence_before + jobs),
  constraint worker_epoch_amount_has_an_asset check (amount = 0 or asset is not null)
) with (fillfactor = 50);

create index worker_epoch_of_epoch on worker_epoch (epoch, worker);

create function worker_epoch_only_grows() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if (new.worker, new.epoch, new.sequence_before)
        = (old.worker, old.epoch, old.sequence_before)
      and new.jobs >= old.jobs and new.units >= old.units and new.source_ms >= old.source_ms
      and new.device_ms >= old.device_ms and new.failed_attempts >= old.failed_attempts
      and new.amount >= old.amount and (old.asset is null or new.asset = old.asset)
      and exists (select from epoch where number = new.epoch and state = 'open') then
      return new;
    end if;
  end if;
  raise exception 'totals of an epoch only grow, and only while it is open' using errcode = '55000';
end
$$;

create trigger worker_epoch_only_grows before update or delete on worker_epoch
  for each row execute function worker_epoch_only_grows();
create trigger worker_epochs_are_kept before truncate on worker_epoch
  for each statement execute function worker_epoch_only_grows();

create table receipt (
  worker text not null,
  sequence bigint not null check (sequence > 0),
  epoch bigint not null,
  contribution uuid not null unique,
  -- Without its signature, which is made anew from the key that it names.
  body bytea not null,
  -- Whoever reads on by (txid, number), below the snapshot's xmin, misses none.
  txid xid8 not null default pg_current_xact_id(),
  number bigint generated always as identity,
  primary key (worker, sequence),
  foreign key (worker, epoch) references worker_epoch (worker, epoch)
);

create index receipt_in_order on receipt (txid, number);

create function receipt_is_final() returns trigger language plpgsql as $$
begin
  raise exception 'receipts are appended, never changed' using errcode = '55000';
end
$$;

create trigger receipt_is_final before update or delete or truncate on receipt
  for each statement execute function receipt_is_final();

-- Holds the open epoch open until the transaction ends, and the heads of these workers for it alone:
-- rows that are missing first, then the locks, both in one order, so that no two wait in a ring.
create function receipt_heads(workers text[])
returns table (
  worker text, epoch bigint, terms_version integer, units numeric, asset text, amount numeric,
  last_sequence bigint, last_receipt_hash bytea)
language plpgsql as $$
declare
  current record;
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('tributary epoch', 0));
  select e.number, e.terms_version into strict current from epoch e where e.state = 'open';
  insert into worker_epoch as made
    (worker, epoch, sequence_before, last_sequence, last_receipt_hash)
  select wanted, current.number, coalesce(head.last_sequence, 0), coalesce(head.last_sequence, 0),
    coalesce(head.last_receipt_hash, decode(repeat('00', 32), 'hex'))
  from unnest(workers) as wanted
  left join lateral (
    select w.last_sequence, w.last_receipt_hash from worker_epoch w
    where w.worker = wanted order by w.epoch desc limit 1) as head on true
  where not exists (
    select from worker_epoch w where w.worker = wanted and w.epoch = current.number)
  order by wanted
  on conflict do nothing;
  return query
    select w.worker, w.epoch, current.terms_version, w.units, w.asset, w.amount,
      w.last_sequence, w.last_receipt_hash
    from worker_epoch w where w.epoch = current.number and w.worker = any(workers)
    order by w.worker for update;
end
$$;
