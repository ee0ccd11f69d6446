-- safe while the old version runs
-- When books were recovered after a backup was restored, and how far the transactions of an account
-- are accounted for: below that, each is in its journal or was looked at.

create table recovery (
  number bigint generated always as identity primary key,
  at timestamptz not null default now(),
  -- In which cluster: one that the database came to later needs a recovery of its own.
  home bigint not null references receipt_home (number)
);

insert into recovery (home) select number from receipt_home where number > 1 order by number;

alter table chain_account add column looked_to bigint check (looked_to >= 0);
