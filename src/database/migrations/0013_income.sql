-- safe while the old version runs
-- What becomes of tickets and transactions waits here, from the transaction in which it happens until
-- the one in which it is posted; and how far expected value is posted.

create table book_event (
  number bigint generated always as identity primary key,
  kind text not null
    check (kind in ('ticket_won', 'ticket_redeemed', 'ticket_written_off', 'gas', 'intent')),
  -- The hash of the ticket or the transaction.
  subject bytea not null check (length(subject) = 32),
  at timestamptz not null default now()
);

create function ticket_is_for_the_books() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into book_event (kind, subject) values ('ticket_won', new.hash);
  elsif new.state in ('redeemed', 'written_off') and old.state <> new.state then
    insert into book_event (kind, subject) values ('ticket_' || new.state, new.hash);
  end if;
  return null;
end
$$;

create trigger ticket_is_for_the_books after insert or update on winning_ticket
  for each row execute function ticket_is_for_the_books();

create function gas_is_for_the_books() returns trigger language plpgsql as $$
begin
  insert into book_event (kind, subject) values ('gas', new.hash);
  return null;
end
$$;

create trigger gas_is_for_the_books after insert on chain_gas
  for each row execute function gas_is_for_the_books();

create function intent_is_for_the_books() returns trigger language plpgsql as $$
begin
  insert into book_event (kind, subject) values ('intent', new.hash);
  return null;
end
$$;

create trigger intent_is_for_the_books after update on chain_intent
  for each row when (new.state = 'final' and old.state <> 'final' and new.succeeded)
  execute function intent_is_for_the_books();

-- What happened before.
insert into book_event (kind, subject, at)
  select kind, subject, at from (
    select 'ticket_won' as kind, hash as subject, won_at as at, 1 as step from winning_ticket
    union all
    select 'ticket_' || state, hash, settled_at, 2 from winning_ticket
      where state in ('redeemed', 'written_off')
    union all select 'gas', hash, now(), 3 from chain_gas
    union all select 'intent', hash, now(), 4 from chain_intent
      where state = 'final' and succeeded) as earlier
  order by step, at, subject;

-- One row. Wei, each of them a sum over all time.
create table income_mark (
  one boolean primary key default true check (one),
  -- Expected value of tickets that is posted: whole wei of the sum, so that no fraction is lost.
  expected numeric not null default 0 check (expected >= 0 and expected = trunc(expected)),
  -- Paid by the contract for winning tickets.
  redeemed numeric not null default 0 check (redeemed >= 0 and redeemed = trunc(redeemed)),
  -- Of either, what counts as income.
  recognised numeric not null default 0
    check (recognised >= 0 and recognised <= greatest(expected, redeemed))
);

insert into income_mark default values;
