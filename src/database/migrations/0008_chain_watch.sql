-- safe while the old version runs
-- Where each follower of a chain stopped, so that a restart misses nothing and undoes what it must.

create table chain_follower (
  chain_id bigint not null check (chain_id > 0),
  -- The programs that share a place: pool, redeemer.
  follower text not null check (follower ~ '^[a-z_]{1,32}$'),
  -- Hash of block 0: a chain for development begins anew under the same id.
  genesis bytea not null check (length(genesis) = 32),
  -- Nothing of this block or before it was looked at.
  since bigint not null check (since >= 0),
  primary key (chain_id, follower)
);

-- The blocks that were looked at last; not every block is.
create table chain_block (
  chain_id bigint not null,
  follower text not null,
  number bigint not null check (number >= 0),
  hash bytea not null check (length(hash) = 32),
  parent_hash bytea not null check (length(parent_hash) = 32),
  l1_block bigint not null check (l1_block >= 0),
  base_fee_per_gas numeric not null check (base_fee_per_gas >= 0),
  at timestamptz not null,
  primary key (chain_id, follower, number),
  foreign key (chain_id, follower) references chain_follower on delete cascade
);

-- What TicketBroker said in those blocks and between them.
create table chain_event (
  chain_id bigint not null,
  follower text not null,
  block bigint not null check (block >= 0),
  block_hash bytea not null check (length(block_hash) = 32),
  -- Its place in the block.
  place integer not null check (place >= 0),
  transaction bytea not null check (length(transaction) = 32),
  topics bytea[] not null check (cardinality(topics) between 1 and 4),
  data bytea not null,
  primary key (chain_id, follower, block_hash, place),
  foreign key (chain_id, follower) references chain_follower on delete cascade
);

-- Gateways that have funds: after a restart they are read first, and wait behind no stranger.
create table chain_sender (
  chain_id bigint not null check (chain_id > 0),
  sender bytea not null check (length(sender) = 20),
  seen_at timestamptz not null default now(),
  primary key (chain_id, sender)
);

create index chain_sender_seen on chain_sender (chain_id, seen_at desc);
