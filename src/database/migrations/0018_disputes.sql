-- safe while the old version runs
-- Disputes: an append-only log of what happened, each record naming the hash of the one before.

create table dispute (
  -- Random: it is published, and says nothing of whose it is.
  id text primary key check (id ~ '^[a-z2-7]{16}$'),
  worker text not null references worker (id),
  -- What it is about, with the worker in it: disputed once.
  subject text not null unique check (subject ~ '^[!-~]{1,160}$'),
  -- The rest that stays as it is, by name.
  facts jsonb not null check (jsonb_typeof(facts) = 'object'),
  opened_at timestamptz not null
);

create index dispute_of_worker on dispute (worker, opened_at);

create table dispute_event (
  sequence bigint primary key check (sequence > 0),
  dispute text not null references dispute (id),
  -- The published line: canonical JSON without names.
  record text not null check (length(record) <= 4000),
  -- SHA-256 of it, which the next one names.
  hash bytea not null check (hash = sha256(convert_to(record, 'UTF8'))),
  -- What was written and attached, with its salt: for those who are part of the dispute.
  content text not null check (length(content) <= 40000)
);

create index dispute_event_of_dispute on dispute_event (dispute, sequence);

create function dispute_is_kept() returns trigger language plpgsql as $$
begin
  raise exception 'disputes are appended, never changed' using errcode = '55000';
end
$$;

create trigger dispute_is_kept before update or delete or truncate on dispute
  for each statement execute function dispute_is_kept();
create trigger dispute_event_is_kept before update or delete or truncate on dispute_event
  for each statement execute function dispute_is_kept();

-- One event after the other, without a gap, each after the one that it names.
create function dispute_event_follows() returns trigger language plpgsql as $$
declare
  last record;
begin
  perform pg_advisory_xact_lock(hashtextextended('tributary disputes', 0));
  select sequence, encode(hash, 'hex') as hash into last
    from dispute_event order by sequence desc limit 1;
  if new.sequence <> coalesce(last.sequence, 0) + 1
    or (new.record::jsonb ->> 'sequence')::bigint <> new.sequence
    or new.record::jsonb ->> 'dispute' <> new.dispute
    or new.record::jsonb ->> 'previous' <> coalesce(last.hash, repeat('0', 64)) then
    raise exception 'an event follows the last one of the log' using errcode = '23514';
  end if;
  return new;
end
$$;

create trigger dispute_event_follows before insert on dispute_event
  for each row execute function dispute_event_follows();
