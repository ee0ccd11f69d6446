-- safe while the old version runs
-- What closing an epoch leaves: the end of its income, its books, its signed record and the history.

-- The round of the protocol in which an epoch was open for the first time that the pool saw one.
create table epoch_round (
  epoch bigint primary key references epoch (number),
  round bigint not null check (round >= 0)
);

-- The last posting whose income belongs to the epoch. Written after it ended and before its books.
create table epoch_end (
  epoch bigint primary key references epoch (number),
  posting bigint not null check (posting >= 0)
);

-- By what the epoch was settled and what it came to, as the texts that are published and hashed.
create table epoch_result (
  epoch bigint primary key references epoch (number),
  input text not null,
  settlement text not null,
  -- Of the Merkle-sum tree over the rows of epoch_worker, by worker.
  root bytea not null check (length(root) = 32)
);

-- Everybody who ever had a receipt or a credit, in each epoch: a leaf of its tree.
create table epoch_worker (
  epoch bigint not null references epoch_result (epoch),
  worker text not null references worker (id),
  units numeric not null check (units >= 0 and units = trunc(units)),
  -- Base units as text by asset: of this epoch, and of all up to it.
  owed jsonb not null check (jsonb_typeof(owed) = 'object'),
  cumulative jsonb not null check (jsonb_typeof(cumulative) = 'object'),
  last_sequence bigint not null check (last_sequence >= 0),
  last_receipt_hash bytea not null check (length(last_receipt_hash) = 32),
  -- Of a private pool: hides who the leaf is of.
  salt bytea check (length(salt) = 32),
  primary key (epoch, worker)
);

create table epoch_holdback (
  epoch bigint not null references epoch_result (epoch),
  worker text not null references worker (id),
  asset text not null check (asset ~ '^[A-Z][A-Z0-9]{0,11}$'),
  amount numeric not null check (amount > 0 and amount = trunc(amount)),
  release_epoch bigint not null check (release_epoch > epoch),
  primary key (epoch, worker, asset)
);

create index epoch_holdback_due on epoch_holdback (release_epoch, worker);

-- The signed record of a closed epoch, which names the one before; once written it stays.
create table epoch_record (
  epoch bigint primary key references epoch_result (epoch),
  record text not null,
  -- Ed25519, by the receipt key with this public key.
  signature bytea not null check (length(signature) = 64),
  key bytea not null check (length(key) = 32)
);

create function epoch_result_is_final() returns trigger language plpgsql as $$
begin
  raise exception 'what an epoch came to is written once' using errcode = '55000';
end
$$;

create trigger epoch_round_is_final before update or delete or truncate on epoch_round
  for each statement execute function epoch_result_is_final();
create trigger epoch_end_is_final before update or delete or truncate on epoch_end
  for each statement execute function epoch_result_is_final();
create trigger epoch_result_is_final before update or delete or truncate on epoch_result
  for each statement execute function epoch_result_is_final();
create trigger epoch_worker_is_final before update or delete or truncate on epoch_worker
  for each statement execute function epoch_result_is_final();
create trigger epoch_holdback_is_final before update or delete or truncate on epoch_holdback
  for each statement execute function epoch_result_is_final();
create trigger epoch_record_is_final before update or delete or truncate on epoch_record
  for each statement execute function epoch_result_is_final();

-- The append-only tree over all receipts: how far it got, and its tiles of up to 256 hashes.
create table history_head (
  one boolean primary key default true check (one),
  size bigint not null default 0 check (size >= 0),
  -- The last receipt in it, by the order in which they are read.
  txid xid8 not null default '0',
  number bigint not null default 0
);

insert into history_head default values;

create table history_tile (
  level smallint not null check (level between 0 and 6),
  index bigint not null check (index >= 0),
  hashes bytea not null check (length(hashes) between 32 and 8192 and length(hashes) % 32 = 0),
  primary key (level, index)
);

-- Nothing that a tile held changes: it gets longer, or stays.
create function history_only_grows() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if tg_table_name = 'history_head' then
      if new.size >= old.size and (new.txid, new.number) >= (old.txid, old.number) then
        return new;
      end if;
    elsif (new.level, new.index) = (old.level, old.index)
      and length(new.hashes) >= length(old.hashes)
      and substring(new.hashes for length(old.hashes)) = old.hashes then
      return new;
    end if;
  end if;
  raise exception 'the history is appended to, never changed' using errcode = '55000';
end
$$;

create trigger history_head_only_grows before update or delete on history_head
  for each row execute function history_only_grows();
create trigger history_heads_are_kept before truncate on history_head
  for each statement execute function history_only_grows();
create trigger history_tile_only_grows before update or delete on history_tile
  for each row execute function history_only_grows();
create trigger history_tiles_are_kept before truncate on history_tile
  for each statement execute function history_only_grows();
