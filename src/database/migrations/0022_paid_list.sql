-- safe while the old version runs
-- What was paid is listed for everybody, newest first, a page at a time.

create index payout_final on payout (ended_at desc, id desc) where state = 'final';
