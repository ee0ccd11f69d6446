-- safe while the old version runs
-- In which block a ticket was redeemed, by whomever: the states before and after it are asked for. Null:
-- not looked up yet.

alter table redemption_unmeasured add column block bigint check (block >= 0);
