-- safe while the old version runs
-- Keys that all nodes of one pool share, versioned so that a change of key overlaps.

create table secret (
  purpose text not null check (purpose ~ '^[a-z][a-z_]{0,62}$'),
  version integer not null check (version > 0),
  key bytea not null check (length(key) = 32),
  created_at timestamptz not null default now(),
  -- From then on the key is no longer accepted.
  retired_at timestamptz,
  primary key (purpose, version)
);

create function secret_changed() returns trigger language plpgsql as $$
begin
  perform pg_notify('secret_changed', new.purpose);
  return null;
end
$$;

create trigger secret_changed after insert or update on secret
  for each row execute function secret_changed();
