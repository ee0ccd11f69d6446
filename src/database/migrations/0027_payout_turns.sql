-- safe while the old version runs
-- Which runs are a turn of the schedule, and who has to wait for a reason that passes by itself.

alter table payout_plan
  -- For one worker who asked, or for all whose turn it is.
  add column for_one boolean not null default false,
  -- Workers whose turn it was, and who are paid once there is money, a rate or a chain again.
  add column waiting text[] not null default '{}';
