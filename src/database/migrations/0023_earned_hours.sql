-- safe while the old version runs
-- What receipts come to by the hour, so that a worker sees its day without waiting for an epoch's end.

-- Sums of receipts that name an amount, by the hour that stands in them; before the terms are applied.
create table worker_earned_hour (
  hour timestamptz not null,
  worker text not null references worker (id),
  asset text not null check (asset ~ '^[A-Z][A-Z0-9]{0,11}$'),
  amount numeric not null check (amount >= 0 and amount = trunc(amount)),
  primary key (worker, hour, asset)
);

create index worker_earned_hour_of_hour on worker_earned_hour (hour);

-- The last receipt of a worker that is in those sums: each is counted once.
create table worker_earned_until (
  worker text primary key references worker (id),
  sequence bigint not null check (sequence > 0)
);

-- A number of eight bytes without a sign.
create function unsigned_of(bytes bytea) returns numeric language sql immutable strict as $$
  select case when n < 0 then n + 18446744073709551616 else n end
  from (select ('x' || encode(bytes, 'hex'))::bit(64)::bigint::numeric as n) as read
$$;
