-- safe while the old version runs
-- What the pool measures of its workers and of itself, and what its operator says of workers.

-- Stretches in which a connection of a worker stood, on some node. A row gets longer every few
-- seconds, ends at midnight UTC at the latest, and stays; two of one worker may overlap.
create table worker_online (
  connection text not null check (connection ~ '^[!-~]{1,80}$'),
  part integer not null check (part > 0),
  worker text not null references worker (id),
  since timestamptz not null,
  until timestamptz not null check (until >= since),
  primary key (connection, part)
) with (fillfactor = 70);

create index worker_online_since on worker_online (since, worker);
create index worker_online_of_worker on worker_online (worker, since);

-- The same of a whole day, once it is over.
create table worker_online_day (
  day date not null,
  worker text not null references worker (id),
  online_ms bigint not null check (online_ms between 0 and 86400000),
  primary key (worker, day)
);

-- When a worker was there for the first time: from then on it can be late.
create table worker_first_online (
  worker text primary key references worker (id),
  at timestamptz not null
);

-- Stretches in which a node of the pool ran. Gaps between all of them are downtime.
create table pool_online (
  node text not null check (node ~ '^[!-~]{1,80}$'),
  part integer not null check (part > 0),
  since timestamptz not null,
  until timestamptz not null check (until >= since),
  primary key (node, part)
);

create index pool_online_since on pool_online (since);

-- Milliseconds of a worker, and of the pool, within a period: overlaps count once. No row is longer
-- than a day.
create function online_ms(starts timestamptz, ends timestamptz)
returns table (worker text, online_ms bigint) language sql stable as $$
  select worker, (extract(epoch from sum(upper(stretch) - lower(stretch))) * 1000)::bigint
  from (
    select worker, unnest(range_agg(tstzrange(greatest(since, starts), least(until, ends)))) as stretch
    from worker_online
    where starts < ends and since >= starts - interval '25 hours' and since < ends and until > starts
    group by worker) as stretches
  group by worker
$$;

-- What the operator says of a worker, from when on; the last word of each kind counts.
create table worker_fact (
  id bigint generated always as identity primary key,
  worker text not null references worker (id),
  kind text not null check (kind in ('hardware_class', 'region', 'promise')),
  -- Null: nothing is said any more.
  value text check (value ~ '^[^[:cntrl:]]{1,64}$'),
  at timestamptz not null
);

create index worker_fact_of_worker on worker_fact (worker, kind, id);

-- Results that the pool looked into and refused, in the epoch in which it did.
create table failed_check (
  id bigint generated always as identity primary key,
  worker text not null references worker (id),
  epoch bigint not null references epoch (number),
  at timestamptz not null,
  -- The attempt whose result it was.
  contribution uuid references contribution (id),
  reason text not null check (reason ~ '^[a-z][a-z0-9_]{0,63}$')
);

create index failed_check_of_epoch on failed_check (epoch, worker);

create function rejected_is_a_failed_check() returns trigger language plpgsql as $$
begin
  -- The epoch stays open until this is committed, as for the receipts.
  perform pg_advisory_xact_lock_shared(hashtextextended('tributary epoch', 0));
  insert into failed_check (worker, epoch, at, contribution, reason)
    select new.worker, number, new.at, new.id, new.reason from epoch where state = 'open';
  return null;
end
$$;

create trigger rejected_is_a_failed_check after insert on contribution
  for each row when (new.verdict = 'rejected') execute function rejected_is_a_failed_check();

-- What gateways took back, with the posting that took it out of income.
create table refund (
  id text primary key check (id ~ '^[A-Za-z0-9._-]{1,80}$'),
  worker text references worker (id),
  asset text not null check (asset ~ '^[A-Z][A-Z0-9]{0,11}$'),
  amount numeric not null check (amount > 0 and amount = trunc(amount)),
  reason text check (length(reason) <= 500),
  at timestamptz not null,
  posting bigint not null unique references posting (number)
);

create function said_once() returns trigger language plpgsql as $$
begin
  raise exception 'what workers are paid by is added to, never changed' using errcode = '55000';
end
$$;

create trigger worker_fact_is_final before update or delete or truncate on worker_fact
  for each statement execute function said_once();
create trigger failed_check_is_final before update or delete or truncate on failed_check
  for each statement execute function said_once();
create trigger refund_is_final before update or delete or truncate on refund
  for each statement execute function said_once();

-- What a machine said of itself when it connected; its address is not kept.
create table worker_machine (
  connection text primary key check (connection ~ '^[!-~]{1,80}$'),
  worker text not null references worker (id),
  software text not null check (software in ('tributary', 'stock')),
  version text check (length(version) <= 64),
  capacity integer not null check (capacity > 0),
  -- Capability bits, in hex.
  bits text not null check (bits ~ '^[0-9a-f]{1,64}$'),
  distance_ms integer not null check (distance_ms >= 0),
  device jsonb check (jsonb_typeof(device) = 'object'),
  joined_at timestamptz not null,
  left_at timestamptz,
  left_because text check (left_because ~ '^[a-z][a-z_]{0,30}$')
);

create index worker_machine_of_worker on worker_machine (worker, joined_at);

-- Contributions of an hour are found by time, at the price of a few pages.
create index contribution_at on contribution using brin (at) with (pages_per_range = 32);
create index posting_at on posting using brin (at) with (pages_per_range = 32);

-- What a worker did in an hour, and in a day, out of its contributions.
create table work_hour (
  hour timestamptz not null,
  worker text not null references worker (id),
  jobs bigint not null,
  pixels numeric not null,
  -- Time from its task to the judged result.
  p50_ms integer,
  p95_ms integer,
  -- Attempts that came to nothing, by verdict and reason.
  failures jsonb not null default '{}',
  primary key (worker, hour)
);

create index work_hour_of_hour on work_hour (hour);

create table work_day (
  day date not null,
  worker text not null references worker (id),
  jobs bigint not null,
  pixels numeric not null,
  p50_ms integer,
  p95_ms integer,
  failures jsonb not null default '{}',
  primary key (worker, day)
);

create index work_day_of_day on work_day (day);

-- Income of an hour as the books have it, by asset.
create table earned_hour (
  hour timestamptz not null,
  asset text not null,
  amount numeric not null,
  primary key (hour, asset)
);

-- What one run of a node saw of an hour. It writes its row anew, with all that it counted.
create table demand_hour (
  hour timestamptz not null,
  node text not null,
  jobs bigint not null,
  failed bigint not null,
  retried bigint not null,
  -- What jobs asked for: capability bits in hex, to the count.
  asked jsonb not null,
  -- Added latency and speed of who got the jobs: counts by bucket of a logarithmic scale.
  added integer[] not null,
  winners integer[] not null,
  primary key (hour, node)
);

-- Why a worker did not get the jobs of an hour, as one run of a node counted.
create table missed_hour (
  hour timestamptz not null,
  node text not null,
  worker text not null references worker (id),
  counts jsonb not null,
  primary key (worker, hour, node)
) with (fillfactor = 70);

create index missed_hour_of_hour on missed_hour (hour);

-- What went wrong with the pool, or will be worked on.
create table incident (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('incident', 'maintenance')),
  title text not null check (length(title) between 1 and 200),
  -- Of a maintenance: as planned. An incident has no end while it lasts.
  starts_at timestamptz not null,
  ends_at timestamptz check (ends_at >= starts_at),
  closed_at timestamptz,
  -- Opened by the pool itself, for a gap that begins then.
  automatic boolean not null default false,
  opened_at timestamptz not null,
  constraint incident_maintenance_has_an_end check (kind = 'incident' or ends_at is not null)
);

create unique index incident_automatic_once on incident (starts_at) where automatic;
create index incident_by_time on incident (starts_at);

create table incident_update (
  incident bigint not null references incident (id),
  at timestamptz not null,
  text text not null check (length(text) between 1 and 2000)
);

create index incident_update_of_incident on incident_update (incident, at);
