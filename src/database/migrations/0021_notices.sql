-- safe while the old version runs
-- What people are told: what happened, the notices of it, where they go, and how far they got.

-- What happened and waits to be told. Written in the transaction in which it happens, so that nothing
-- is told that did not happen, and nothing that did is forgotten.
create table notice_event (
  id bigint generated always as identity primary key,
  -- Whoever notes the same again notes it once.
  key text not null unique check (length(key) <= 200),
  source text not null check (source ~ '^[a-z][a-z_]{0,30}$'),
  -- Whose it is; null: of the whole pool.
  worker text references worker (id),
  at timestamptz not null,
  facts jsonb not null default '{}' check (jsonb_typeof(facts) = 'object'),
  -- Looked at from then on.
  due_at timestamptz not null default '-infinity',
  -- When it was told, or found to need no telling.
  done_at timestamptz
);

create index notice_event_waiting on notice_event (due_at) where done_at is null;

create table notice (
  id bigint generated always as identity primary key,
  kind text not null check (kind ~ '^[a-z][a-z_]{0,30}$'),
  worker text references worker (id),
  -- Stands in the public feed.
  open boolean not null,
  at timestamptz not null,
  since timestamptz not null,
  until timestamptz,
  title text not null check (length(title) between 1 and 200),
  text text not null check (length(text) between 1 and 4000),
  affected text not null check (length(affected) between 1 and 1000),
  -- Null: nothing must be done.
  todo text check (length(todo) between 1 and 1000),
  page text check (page ~ '^/[!-~]{0,200}$')
);

create index notice_of_worker on notice (worker, id);
create index notice_open on notice (id) where open;
create index notice_told on notice (kind, worker, at);

-- Where somebody wants to be told. Addresses and tokens are sealed; `shown` says enough to know them by.
create table notice_channel (
  id text primary key check (id ~ '^[a-z2-7]{16}$'),
  owner_kind text not null check (owner_kind in ('address', 'worker', 'operator', 'pool')),
  owner text not null check (length(owner) <= 100),
  type text not null check (type in ('email', 'discord', 'telegram', 'ntfy', 'webhook')),
  sealed bytea not null check (length(sealed) between 29 and 8192),
  -- The same place by whomever it was named: HMAC-SHA-256.
  target bytea not null check (length(target) = 32),
  shown text not null check (length(shown) <= 200),
  kinds text[] not null,
  created_at timestamptz not null,
  -- Null: a code waits there to be typed in here.
  confirmed_at timestamptz,
  code_hash bytea check (length(code_hash) = 32),
  code_expires_at timestamptz,
  code_tries integer not null default 0 check (code_tries >= 0),
  -- Since then nothing is sent there: why.
  stopped_at timestamptz,
  stopped_because text check (stopped_because ~ '^[a-z][a-z0-9_]{0,62}$'),
  unique (owner_kind, owner, target),
  constraint notice_channel_stops check ((stopped_at is null) = (stopped_because is null)),
  constraint notice_channel_of_pool check ((owner_kind = 'pool') = (owner = ''))
);

-- Notices on their way to a channel; several that come at once go together.
create table notice_delivery (
  id uuid primary key,
  channel text not null references notice_channel (id) on delete cascade,
  target bytea not null check (length(target) = 32),
  notices bigint[] not null check (cardinality(notices) between 1 and 100),
  state text not null default 'waiting' check (state in ('waiting', 'sent', 'dead')),
  attempts integer not null default 0 check (attempts >= 0),
  created_at timestamptz not null,
  next_at timestamptz not null,
  -- A node is at it until then.
  claimed_until timestamptz,
  ended_at timestamptz,
  -- Of the last attempt that came to nothing.
  reason text check (reason ~ '^[a-z][a-z0-9_]{0,62}$'),
  constraint notice_delivery_ends check ((state = 'waiting') = (ended_at is null))
);

create index notice_delivery_waiting on notice_delivery (next_at) where state = 'waiting';
create index notice_delivery_dead on notice_delivery (ended_at) where state = 'dead';
create index notice_delivery_target on notice_delivery (target, created_at);
create index notice_delivery_channel on notice_delivery (channel, created_at);

-- Workers that are away, and are told of when they were so for long enough.
create table notice_absence (
  worker text primary key references worker (id),
  since timestamptz not null,
  -- False: it was away when anybody looked for the first time.
  told boolean not null
);

-- Where a credential was used from: a keyed hash of the network, never an address.
create table notice_place (
  worker text not null references worker (id),
  place bytea not null check (length(place) = 16),
  first_at timestamptz not null,
  last_at timestamptz not null,
  primary key (worker, place)
);

-- How far what is read in bulk was read.
create table notice_cursor (
  name text primary key check (name ~ '^[a-z][a-z_]{0,30}$'),
  position bigint not null
);

-- Codes that link a Discord user with an owner, used once.
create table notice_code (
  hash bytea primary key check (length(hash) = 32),
  owner_kind text not null check (owner_kind in ('address', 'worker')),
  owner text not null check (length(owner) between 1 and 100),
  expires_at timestamptz not null
);

create table notice_discord_user (
  discord_user text not null check (discord_user ~ '^[0-9]{5,25}$'),
  owner_kind text not null check (owner_kind in ('address', 'worker')),
  owner text not null check (length(owner) between 1 and 100),
  linked_at timestamptz not null,
  primary key (discord_user, owner_kind, owner)
);

create function note_event(key text, source text, worker text, at timestamptz, facts jsonb)
returns void language sql as $$
  insert into notice_event (key, source, worker, at, facts)
  values (key, source, worker, at, jsonb_strip_nulls(facts)) on conflict do nothing
$$;

create function payout_is_noted() returns trigger language plpgsql as $$
begin
  perform note_event('payout:' || new.id || ':' || new.state, 'payout', new.worker,
    coalesce(new.ended_at, new.created_at),
    jsonb_build_object('state', new.state, 'asset', new.asset, 'amount', new.amount::text,
      'reason', new.reason, 'reference', new.reference));
  return null;
end
$$;

create trigger payout_is_noted after update of state on payout
  for each row when (new.state <> old.state and new.state in ('final', 'failed', 'returned'))
  execute function payout_is_noted();

create function payout_pause_is_noted() returns trigger language plpgsql as $$
declare
  word text := case when new.ended_at is null then 'pause' else 'resume' end;
begin
  perform note_event(word || ':' || new.number, word, null, coalesce(new.ended_at, new.since),
    jsonb_build_object('asset', new.asset, 'reason', new.reason,
      'since', extract(epoch from new.since) * 1000));
  return null;
end
$$;

create trigger payout_pause_is_noted after insert on payout_pause
  for each row execute function payout_pause_is_noted();
create trigger payout_pause_end_is_noted after update on payout_pause
  for each row when (old.ended_at is null and new.ended_at is not null)
  execute function payout_pause_is_noted();

create function address_change_is_noted() returns trigger language plpgsql as $$
begin
  perform note_event('address:' || new.worker || ':' || new.nonce || ':' || new.state, 'address',
    new.worker, coalesce(new.ended_at, new.asked_at),
    jsonb_build_object('state', new.state, 'old', '0x' || encode(new.old_address, 'hex'),
      'new', '0x' || encode(new.new_address, 'hex'), 'askedBy', new.asked_by,
      'effectiveAt', extract(epoch from new.effective_at) * 1000));
  return null;
end
$$;

create trigger address_change_is_noted after insert on payout_address_change
  for each row execute function address_change_is_noted();
create trigger address_change_end_is_noted after update on payout_address_change
  for each row when (new.state <> old.state) execute function address_change_is_noted();

create function dispute_event_is_noted() returns trigger language plpgsql as $$
declare
  record jsonb := new.record::jsonb;
begin
  perform note_event('dispute:' || new.sequence, 'dispute',
    (select d.worker from dispute d where d.id = new.dispute),
    'epoch'::timestamptz + (record ->> 'at')::double precision * interval '1 millisecond',
    jsonb_build_object('dispute', new.dispute, 'event', record -> 'event', 'by', record -> 'by',
      'outcome', record -> 'outcome', 'award', new.content::jsonb -> 'award',
      'deadline', record -> 'deadline'));
  return null;
end
$$;

create trigger dispute_event_is_noted after insert on dispute_event
  for each row execute function dispute_event_is_noted();

create function terms_are_noted() returns trigger language plpgsql as $$
begin
  perform note_event('terms:' || new.version, 'terms', null, new.published_at,
    jsonb_build_object('version', new.version, 'epoch', new.starts_at_epoch::text));
  return null;
end
$$;

create trigger terms_are_noted after insert on terms_version
  for each row execute function terms_are_noted();

create function incident_is_noted() returns trigger language plpgsql as $$
declare
  word text := case when tg_op = 'INSERT' then 'opened' else 'closed' end;
begin
  perform note_event('incident:' || new.id || ':' || word, 'incident', null,
    case when tg_op = 'INSERT' then new.opened_at else new.closed_at end,
    jsonb_build_object('incident', new.id::text, 'what', word));
  return null;
end
$$;

create trigger incident_is_noted after insert on incident
  for each row execute function incident_is_noted();
create trigger incident_end_is_noted after update of closed_at on incident
  for each row when (old.closed_at is null and new.closed_at is not null)
  execute function incident_is_noted();
