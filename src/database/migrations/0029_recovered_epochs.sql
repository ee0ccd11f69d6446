-- safe while the old version runs
-- Epochs after a backup was restored: records that were taken over as they had been published, and
-- epochs of which another record may have been published before.

-- history.json of a record that was taken over: the receipts in between may be lost.
alter table epoch_record add column history text;

create table epoch_recovered (
  epoch bigint primary key references epoch (number),
  at timestamptz not null default now()
);

create trigger epoch_recovered_is_final before update or delete or truncate on epoch_recovered
  for each statement execute function epoch_result_is_final();

-- What was found on the chain is published with the payouts.
create index posting_recovered on posting (number) where cause like 'recovered:0x%';
