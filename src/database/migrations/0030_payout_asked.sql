-- safe while the old version runs
-- Which worker asked for a plan of its own payout; null: an operator, or the schedule.
alter table payout_plan add column asked_by text references worker (id);
create index payout_plan_asked on payout_plan (asked_by, previewed_at) where asked_by is not null;
