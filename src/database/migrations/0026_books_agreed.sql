-- safe while the old version runs
-- Where the books and the chain agreed last, so that what happened since can be named.

create table books_agreed (
  -- An account of the books and an asset: `treasury ETH`.
  what text primary key check (what ~ '^[a-z_]{1,40} [A-Z][A-Z0-9]{0,11}$'),
  -- Base units that were there before the pool began, and are not in its books.
  before numeric not null default 0 check (before = trunc(before)),
  begun_block bigint not null check (begun_block >= 0),
  -- Of the chain; final when it was compared.
  block bigint not null check (block >= 0),
  at timestamptz not null
);
