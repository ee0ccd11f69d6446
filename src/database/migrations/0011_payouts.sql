-- safe while the old version runs
-- Payouts: what was shown, who approved it, and each payment from its birth to its end.

-- Where and in what a worker wants to be paid; its address stands with the worker.
create table payout_preference (
  worker text primary key references worker (id),
  asset text check (asset ~ '^[A-Z][A-Z0-9]{0,11}$'),
  -- Base units of that asset; what the terms say, if there is none.
  threshold numeric check (threshold > 0 and threshold = trunc(threshold)),
  -- For files that a bank takes: whatever names an account there.
  fiat_account text check (fiat_account ~ '^[ -~]{1,140}$'),
  changed_at timestamptz not null,
  constraint payout_preference_threshold_has_an_asset check (threshold is null or asset is not null)
);

-- Every change of an address, also one that was stopped before it took effect.
create table payout_address_change (
  number bigint generated always as identity primary key,
  worker text not null references worker (id),
  -- From 1, gapless for a worker: signatures are over it, so none is used twice.
  nonce bigint not null check (nonce > 0),
  old_address bytea check (length(old_address) = 20),
  new_address bytea not null check (length(new_address) = 20),
  -- Both addresses signed it, or the operator asked for it.
  asked_by text not null check (asked_by in ('signatures', 'operator')),
  asked_at timestamptz not null,
  effective_at timestamptz not null check (effective_at >= asked_at),
  state text not null default 'waiting' check (state in ('waiting', 'effective', 'stopped')),
  ended_at timestamptz,
  unique (worker, nonce),
  constraint payout_address_change_ends check ((state = 'waiting') = (ended_at is null)),
  constraint payout_address_change_changes check (new_address is distinct from old_address)
);

create unique index payout_address_change_one_waits on payout_address_change (worker)
  where state = 'waiting';

create function payout_address_change_stays() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and old.state = 'waiting' and (new.worker, new.nonce, new.new_address,
      new.asked_by, new.asked_at, new.effective_at) = (old.worker, old.nonce, old.new_address,
      old.asked_by, old.asked_at, old.effective_at)
      and new.old_address is not distinct from old.old_address then
    return new;
  end if;
  raise exception 'a change of address is kept as it was' using errcode = '55000';
end
$$;

create trigger payout_address_change_stays before update or delete on payout_address_change
  for each row execute function payout_address_change_stays();

-- What would go out, as it was shown; the digest of its text is its name.
create table payout_plan (
  digest bytea primary key check (length(digest) = 32),
  plan text not null check (digest = sha256(convert_to(plan, 'UTF8'))),
  previewed_at timestamptz not null,
  run_at timestamptz,
  -- Nobody, where the schedule did it.
  run_by text,
  constraint payout_plan_was_run check (run_by is null or run_at is not null)
);

-- Two people approve what is above an amount; each has a token of their own.
create table payout_approver (
  name text primary key check (name ~ '^[A-Za-z0-9._-]{1,64}$'),
  token_hash bytea not null unique check (length(token_hash) = 32),
  added_at timestamptz not null,
  -- A new one counts after a delay, so that nobody makes two on the spot.
  counts_from timestamptz not null check (counts_from >= added_at),
  removed_at timestamptz
);

create table payout_approval (
  digest bytea not null references payout_plan (digest),
  approver text not null references payout_approver (name),
  at timestamptz not null,
  primary key (digest, approver)
);

-- What leaves at once: one transaction, one file, or an entry in the books.
create table payout_batch (
  id uuid primary key,
  digest bytea not null references payout_plan (digest),
  place integer not null check (place >= 0),
  method text not null check (method in ('eth', 'erc20', 'disperse_eth', 'disperse_erc20', 'fiat', 'points')),
  asset text not null check (asset ~ '^[A-Z][A-Z0-9]{0,11}$'),
  -- Of the token, for what is one.
  token bytea check (length(token) = 20),
  -- The chain and the account that pays, once it is reserved; the journal has it under this name.
  chain_id bigint check (chain_id > 0),
  account bytea check (length(account) = 20),
  intent text check (intent ~ '^[!-~]{1,200}$'),
  created_at timestamptz not null,
  exported_at timestamptz,
  settled_at timestamptz,
  unique (digest, place),
  constraint payout_batch_token check ((token is not null) = (method in ('erc20', 'disperse_erc20'))),
  constraint payout_batch_sent check ((intent is null) = (account is null) and (intent is null) = (chain_id is null)),
  constraint payout_batch_exported check (exported_at is null or method = 'fiat')
);

create index payout_batch_open on payout_batch (created_at) where settled_at is null;

create table payout (
  id uuid primary key,
  batch uuid not null references payout_batch (id),
  place integer not null check (place >= 0),
  worker text not null references worker (id),
  asset text not null check (asset ~ '^[A-Z][A-Z0-9]{0,11}$'),
  -- Base units that shall reach the worker.
  amount numeric not null check (amount > 0 and amount = trunc(amount)),
  recipient bytea check (length(recipient) = 20),
  fiat_account text check (fiat_account ~ '^[ -~]{1,140}$'),
  state text not null default 'owed' check (state in ('owed', 'reserved', 'signed', 'broadcast',
    'included', 'final', 'failed', 'unproven', 'returned')),
  reason text check (reason ~ '^[a-z][a-z_]{0,62}$'),
  -- Transaction hash, or what a bank calls it.
  reference text check (reference ~ '^[ -~]{1,140}$'),
  received numeric check (received >= 0 and received = trunc(received)),
  created_at timestamptz not null,
  ended_at timestamptz,
  unique (batch, place),
  -- Of these, the one paid by is the one that was reserved: a worker is in a batch once.
  unique (batch, worker),
  constraint payout_says_why check ((state in ('failed', 'returned')) = (reason is not null)),
  constraint payout_says_what_arrived check ((state in ('final', 'returned')) = (received is not null)),
  constraint payout_says_where check (state in ('owed', 'reserved', 'failed') or reference is not null),
  constraint payout_ends check ((state in ('final', 'failed', 'returned')) = (ended_at is not null)),
  constraint payout_goes_somewhere check (recipient is null or fiat_account is null)
);

create index payout_of_worker on payout (worker, created_at desc);
create index payout_open on payout (batch) where state not in ('final', 'failed', 'returned');

-- What of the worker's credit a payout is for, and by which rate it became another asset.
create table payout_line (
  payout uuid not null references payout (id),
  owed_asset text not null check (owed_asset ~ '^[A-Z][A-Z0-9]{0,11}$'),
  owed_amount numeric not null check (owed_amount > 0 and owed_amount = trunc(owed_amount)),
  -- Base units of the payout's asset for one of the owed asset; none where they are the same.
  rate_numerator numeric check (rate_numerator > 0 and rate_numerator = trunc(rate_numerator)),
  rate_denominator numeric check (rate_denominator > 0 and rate_denominator = trunc(rate_denominator)),
  rate_source text check (rate_source ~ '^[ -~]{1,200}$'),
  rate_at timestamptz,
  primary key (payout, owed_asset),
  constraint payout_line_rate_is_whole check ((rate_numerator is null) = (rate_denominator is null)
    and (rate_numerator is null) = (rate_source is null) and (rate_numerator is null) = (rate_at is null))
);

-- The way of a payout, by which nothing is paid twice: what ended stays as it is, but for a payment
-- that came back, and nothing that was in flight is owed again but by failing.
create function payout_goes_its_way() returns trigger language plpgsql as $$
begin
  if tg_op <> 'UPDATE' then
    raise exception 'payouts are kept' using errcode = '55000';
  end if;
  if (new.id, new.batch, new.place, new.worker, new.asset, new.amount, new.created_at)
      is distinct from
      (old.id, old.batch, old.place, old.worker, old.asset, old.amount, old.created_at)
      or (new.recipient, new.fiat_account) is distinct from (old.recipient, old.fiat_account) then
    raise exception 'what a payout is for does not change' using errcode = '55000';
  end if;
  if new.state = old.state and old.ended_at is null then return new; end if;
  -- In parentheses: the word that ends the condition stands within it, too.
  if (case old.state
      when 'owed' then new.state in ('reserved', 'failed')
      when 'final' then new.state = 'returned' and new.received = old.received
        and new.reference = old.reference
      when 'failed' then false
      when 'returned' then false
      when 'unproven' then new.state in ('final', 'failed')
      else new.state <> 'owed' and new.state <> 'returned'
    end) then
    return new;
  end if;
  raise exception 'a payout does not go from % to %', old.state, new.state using errcode = '55000';
end
$$;

create trigger payout_goes_its_way before update or delete on payout
  for each row execute function payout_goes_its_way();

create function payout_is_kept() returns trigger language plpgsql as $$
begin
  raise exception 'payouts are kept as they are' using errcode = '55000';
end
$$;

create trigger payout_line_is_kept before update or delete or truncate on payout_line
  for each statement execute function payout_is_kept();
create trigger payout_approval_is_kept before update or delete or truncate on payout_approval
  for each statement execute function payout_is_kept();
create trigger payouts_are_kept before truncate on payout
  for each statement execute function payout_is_kept();

-- Why payouts of an asset, or of all (no asset), wait; until somebody says otherwise.
create table payout_pause (
  number bigint generated always as identity primary key,
  asset text check (asset ~ '^[A-Z][A-Z0-9]{0,11}$'),
  reason text not null check (reason ~ '^[a-z][a-z_]{0,62}$'),
  since timestamptz not null,
  ended_at timestamptz
);

create unique index payout_pause_open on payout_pause (coalesce(asset, ''), reason)
  where ended_at is null;
