-- safe while the old version runs
-- What gateways pay: credit by session, nonces that are used up, winning tickets, rand secrets.

create table payment_balance (
  -- 20 bytes: the gateway's account.
  sender bytea not null check (length(sender) = 20),
  -- Session, manifest or capability, by the kind of work.
  session text not null check (length(session) between 1 and 256),
  -- Sum of face value x win probability of the credited tickets: over 2^256 - 1 it is wei.
  credited numeric not null default 0 check (credited >= 0 and credited = trunc(credited)),
  -- Wei of the work done, as an exact fraction.
  debited_numerator numeric not null default 0
    check (debited_numerator >= 0 and debited_numerator = trunc(debited_numerator)),
  debited_denominator numeric not null default 1
    check (debited_denominator > 0 and debited_denominator = trunc(debited_denominator)),
  -- Wei per pixel of the first payment with tickets; the session keeps it.
  price_numerator numeric check (price_numerator >= 0 and price_numerator = trunc(price_numerator)),
  price_denominator numeric
    check (price_denominator > 0 and price_denominator = trunc(price_denominator)),
  used_at timestamptz not null default now(),
  primary key (sender, session),
  constraint payment_balance_price_is_whole
    check ((price_numerator is null) = (price_denominator is null))
);

create index payment_balance_used on payment_balance (used_at);

-- One row for each recipientRand that a ticket came for; its lock orders the payments for it.
create table ticket_nonces (
  rand_hash bytea primary key check (length(rand_hash) = 32),
  expiration_block numeric not null check (expiration_block >= 0),
  nonces bigint[] not null default '{}' check (cardinality(nonces) <= 600)
);

create index ticket_nonces_expiration on ticket_nonces (expiration_block);

-- What balances forget when they go.
create table payment_total (
  sender bytea primary key check (length(sender) = 20),
  tickets bigint not null check (tickets >= 0),
  refused bigint not null check (refused >= 0),
  credited numeric not null check (credited >= 0 and credited = trunc(credited))
);

create table winning_ticket (
  -- The ticket's hash: the contract pays each once, whatever its signature.
  hash bytea primary key check (length(hash) = 32),
  sender bytea not null check (length(sender) = 20),
  recipient bytea not null check (length(recipient) = 20),
  face_value numeric not null check (face_value >= 0 and face_value < 2::numeric ^ 256),
  win_prob numeric not null check (win_prob >= 0 and win_prob < 2::numeric ^ 256),
  nonce bigint not null check (nonce between 0 and 4294967295),
  rand_hash bytea not null check (length(rand_hash) = 32),
  creation_round bigint not null,
  creation_round_block_hash bytea not null check (length(creation_round_block_hash) = 32),
  sig bytea not null check (length(sig) = 65),
  -- Secret until the ticket is redeemed.
  recipient_rand bytea not null check (length(recipient_rand) = 32),
  expiration_block numeric not null check (expiration_block >= 0),
  won_at timestamptz not null default now(),
  state text not null default 'queued'
    check (state in ('queued', 'redeeming', 'redeemed', 'written_off')),
  -- Of a try that failed, or of the write-off.
  reason text,
  retry_at_block bigint,
  transaction bytea check (length(transaction) = 32),
  -- Wei that the contract paid: less than the face value when the sender had less.
  paid numeric check (paid >= 0 and paid <= face_value and paid = trunc(paid)),
  settled_at timestamptz,
  constraint winning_ticket_state check (case state
    when 'redeemed' then paid is not null and transaction is not null and settled_at is not null
    when 'written_off' then reason is not null and paid is null and settled_at is not null
    else paid is null and settled_at is null end)
);

create index winning_ticket_open on winning_ticket (sender)
  where state in ('queued', 'redeeming');

create function winning_ticket_is_kept() returns trigger language plpgsql as $$
begin
  if tg_op <> 'UPDATE' then
    raise exception 'winning tickets are kept' using errcode = '55000';
  end if;
  if old.state in ('redeemed', 'written_off') then
    raise exception 'this ticket is settled' using errcode = '55000';
  end if;
  return new;
end
$$;

create trigger winning_ticket_is_kept before update or delete on winning_ticket
  for each row execute function winning_ticket_is_kept();
create trigger winning_tickets_are_kept before truncate on winning_ticket
  for each statement execute function winning_ticket_is_kept();

-- Keys behind recipientRands, sealed with a key that is not in the database.
create table ticket_rand_secret (
  version integer primary key check (version > 0),
  sealed bytea not null check (length(sealed) = 60),
  created_at timestamptz not null default now(),
  -- From then on its tickets are refused; parameters live for minutes.
  retired_at timestamptz
);
