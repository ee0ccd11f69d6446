-- safe while the old version runs
-- What the pool has promised, version by version: published once, never changed.

create table terms_version (
  version integer primary key check (version > 0),
  -- The first epoch that they settle; of several that have begun, the newest version counts.
  starts_at_epoch bigint not null check (starts_at_epoch > 0),
  published_at timestamptz not null,
  -- SHA-256 of the canonical terms: what was signed.
  digest bytea not null check (length(digest) = 32),
  -- terms/<version>.json as it is published, with its signatures.
  file text not null check (length(file) <= 1048576)
);

create index terms_version_starts on terms_version (starts_at_epoch);

create function terms_are_final() returns trigger language plpgsql as $$
begin
  raise exception 'published terms stay as they are' using errcode = '55000';
end
$$;

create trigger terms_are_final before update or delete or truncate on terms_version
  for each statement execute function terms_are_final();

-- Versions have no gap, and settle only epochs that have not begun. Opening an epoch takes the same
-- lock exclusively, so none can begin in between.
create function terms_come_in_time() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('tributary epoch', 0));
  if new.version <> (select coalesce(max(version), 0) + 1 from terms_version) then
    raise exception 'terms are numbered without a gap'
      using errcode = '23514', constraint = 'terms_version_follows';
  end if;
  if new.starts_at_epoch <= (select coalesce(max(number), 0) from epoch) then
    raise exception 'terms settle epochs that have not begun'
      using errcode = '23514', constraint = 'terms_version_in_time';
  end if;
  return new;
end
$$;

create trigger terms_come_in_time before insert on terms_version
  for each row execute function terms_come_in_time();

-- An epoch that opens is settled by the newest terms that have begun: whoever opens it with others
-- has read them a moment too early, and tries again.
create function epoch_has_its_terms() returns trigger language plpgsql as $$
begin
  if exists (
    select from terms_version
    where starts_at_epoch <= new.number and version > new.terms_version
  ) then
    raise exception 'newer terms settle epoch %', new.number
      using errcode = '23514', constraint = 'epoch_has_its_terms';
  end if;
  return new;
end
$$;

create trigger epoch_has_its_terms before insert on epoch
  for each row execute function epoch_has_its_terms();
