-- safe while the old version runs
-- Double entry: every posting sums to zero in each asset, and nothing of it ever changes.

create table posting (
  number bigint generated always as identity primary key,
  -- The event, by a name that no other event has: an event is posted once.
  cause text not null unique check (cause ~ '^[!-~]{1,200}$'),
  kind text not null check (kind ~ '^[a-z][a-z_]{0,62}$'),
  at timestamptz not null,
  epoch bigint references epoch (number),
  -- Transaction hashes and the like, by name.
  facts jsonb not null default '{}' check (jsonb_typeof(facts) = 'object'),
  txid xid8 not null default pg_current_xact_id()
);

create index posting_of_kind on posting (kind, number);
create index posting_of_epoch on posting (epoch, number);

create table entry (
  posting bigint not null references posting (number),
  line integer not null check (line > 0),
  -- A kind, or a kind and whose it is: income, worker:abcdefghij.
  account text not null check (account ~ '^[a-z][a-z_]{0,30}(:[A-Za-z0-9._-]{1,80})?$'),
  asset text not null check (asset ~ '^[A-Z][A-Z0-9]{0,11}$'),
  -- Base units; a debit is positive. Below 2^128.
  amount numeric not null check (amount <> 0 and amount = trunc(amount)
    and abs(amount) < 340282366920938463463374607431768211456),
  note text check (length(note) <= 500),
  -- What the account holds after this entry.
  balance numeric not null,
  primary key (posting, line)
);

create index entry_of_account on entry (account, asset, posting, line);

create table account_balance (
  account text not null,
  asset text not null,
  balance numeric not null check (balance = trunc(balance)),
  entries bigint not null check (entries > 0),
  primary key (account, asset)
);

-- One posting after the other: their numbers are the order in which they are seen, and no two wait
-- for each other's balances.
create function posting_in_turn() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('tributary ledger', 0));
  return null;
end
$$;

create trigger posting_in_turn before insert on posting
  for each statement execute function posting_in_turn();

-- The balance that an entry leaves, from the running one, which is written here and nowhere else.
create function entry_moves_the_balance() returns trigger language plpgsql as $$
begin
  insert into account_balance as held (account, asset, balance, entries)
    values (new.account, new.asset, new.amount, 1)
  on conflict (account, asset) do update
    set balance = held.balance + excluded.balance, entries = held.entries + 1
  returning held.balance into new.balance;
  return new;
end
$$;

create trigger entry_moves_the_balance before insert on entry
  for each row execute function entry_moves_the_balance();

-- What is inserted at once sums to zero, at once; entries join their posting in its transaction only.
create function entries_sum_to_zero() returns trigger language plpgsql as $$
begin
  if exists (select from added group by posting, asset having sum(amount) <> 0) then
    raise exception 'the entries of a posting do not sum to zero' using errcode = '23514';
  end if;
  if exists (select from added join posting p on p.number = added.posting
      where p.txid <> pg_current_xact_id()) then
    raise exception 'a posting is complete when it is committed' using errcode = '55000';
  end if;
  return null;
end
$$;

create trigger entries_sum_to_zero after insert on entry referencing new table as added
  for each statement execute function entries_sum_to_zero();

-- At the end of the transaction once more, of the posting as a whole.
create function posting_balances() returns trigger language plpgsql as $$
begin
  if not exists (select from entry where posting = new.number) then
    raise exception 'a posting without entries' using errcode = '23514';
  end if;
  if exists (select from entry where posting = new.number group by asset having sum(amount) <> 0) then
    raise exception 'the entries of a posting do not sum to zero' using errcode = '23514';
  end if;
  return null;
end
$$;

create constraint trigger posting_balances after insert on posting
  deferrable initially deferred for each row execute function posting_balances();

create function posting_is_final() returns trigger language plpgsql as $$
begin
  raise exception 'what is posted stays; a correction is another posting' using errcode = '55000';
end
$$;

create trigger posting_is_final before update or delete or truncate on posting
  for each statement execute function posting_is_final();
create trigger entry_is_final before update or delete or truncate on entry
  for each statement execute function posting_is_final();

create function account_balance_follows_entries() returns trigger language plpgsql as $$
begin
  if tg_op in ('DELETE', 'TRUNCATE') or pg_trigger_depth() < 2 then
    raise exception 'balances change by entries only' using errcode = '55000';
  end if;
  return null;
end
$$;

create trigger account_balance_follows_entries
  before insert or update or delete or truncate on account_balance
  for each statement execute function account_balance_follows_entries();

-- Accounts whose running balance is not the sum of their entries; none, whatever happened.
create function wrong_balances()
returns table (account text, asset text, balance numeric, entries_sum numeric)
language sql stable as $$
  select coalesce(held.account, summed.account), coalesce(held.asset, summed.asset),
    coalesce(held.balance, 0), coalesce(summed.amount, 0)
  from account_balance held
  full join (select e.account, e.asset, sum(e.amount) as amount, count(*) as entries
    from entry e group by e.account, e.asset) as summed
    on (held.account, held.asset) = (summed.account, summed.asset)
  where held.balance is distinct from summed.amount or held.entries is distinct from summed.entries
$$;
