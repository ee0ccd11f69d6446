-- safe while the old version runs
-- Which transaction is to redeem a winning ticket, and where the chain shows it as redeemed.

-- A ticket in the state 'redeeming' waits for an intent of an account. Each claim has an intent of
-- its own, so the claims are counted.
alter table winning_ticket
  add column redeemer bytea check (length(redeemer) = 20),
  add column intent text check (intent ~ '^[!-~]{1,200}$'),
  add column tries integer not null default 0 check (tries >= 0),
  -- The transaction, by whomever, in whose block the ticket was used up; that block may be undone.
  add column seen_in bytea check (length(seen_in) = 32),
  add constraint winning_ticket_intent check ((redeemer is null) = (intent is null));

create index winning_ticket_rand on winning_ticket (rand_hash)
  where state in ('queued', 'redeeming');
