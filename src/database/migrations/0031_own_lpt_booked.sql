-- safe while the old version runs
-- LPT that a transaction turned into stake, or brought out of it, is booked once, also where it moved
-- nothing but what is set apart, and whoever finds it: the journal, recovering, or a look at the chain.

create table own_lpt_booked (
  transaction bytea primary key check (length(transaction) = 32)
);

-- What recovering booked until now; transactions of the journal are posted once by their event.
insert into own_lpt_booked
  select decode(substr(cause, 7), 'hex') from posting
  where kind = 'gas' and facts ->> 'intent' = 'recovered' and cause ~ '^gas:0x[0-9a-f]{64}$';
