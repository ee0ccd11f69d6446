-- safe while the old version runs
-- What every attempt of every job came to. Written once, never changed: workers are paid by it.

create function contribution_pixels(renditions jsonb) returns numeric
  language sql immutable strict parallel safe
  return (select coalesce(sum((rendition ->> 'pixels')::numeric), 0)
          from jsonb_array_elements(renditions) as rendition);

create table contribution (
  id uuid primary key,
  job uuid not null,
  attempt smallint not null check (attempt > 0),
  -- The task id of the wire: one attempt of one job by one worker.
  task bigint not null unique check (task > 0),
  worker text not null references worker (id),
  connection text not null,
  session text not null,
  manifest_hash bytea check (length(manifest_hash) = 32),
  verdict text not null
    check (verdict in ('credited', 'rejected', 'errored', 'lost', 'late', 'superseded')),
  reason text check (reason ~ '^[a-z][a-z0-9_]{0,63}$'),
  pixels bigint not null,
  -- [{name, width, height, frames, pixels, bytes, hash}], counted by the pool.
  renditions jsonb not null,
  source_duration_ms integer not null check (source_duration_ms >= 0),
  source_bytes bigint not null check (source_bytes >= 0),
  source_hash bytea check (length(source_hash) = 32),
  -- Milliseconds since the job came in: handed out, source read, first and last byte, judged.
  queued_ms integer check (queued_ms >= 0),
  fetched_ms integer check (fetched_ms >= 0),
  transcoded_ms integer check (transcoded_ms >= 0),
  uploaded_ms integer check (uploaded_ms >= 0),
  verified_ms integer check (verified_ms >= 0),
  at timestamptz not null,
  constraint contribution_pays_only_credited
    check (case when verdict = 'credited' then reason is null and source_hash is not null
                else reason is not null and pixels = 0 end),
  constraint contribution_pixels_are_the_sum check (pixels = contribution_pixels(renditions))
);

-- A job is credited once, whoever else also did it.
create unique index contribution_credited_once on contribution (job) where verdict = 'credited';
create index contribution_failed on contribution (job) where verdict <> 'credited';
create index contribution_worker on contribution (worker, at);

create function contribution_is_final() returns trigger language plpgsql as $$
begin
  raise exception 'contributions are appended, never changed' using errcode = '55000';
end
$$;

create trigger contribution_is_final before update or delete or truncate on contribution
  for each statement execute function contribution_is_final();
