-- safe while the old version runs
-- What stands is told once, however many nodes see it and however often they start. Letters are found
-- by their type and by how often they were tried, so that many that wait for one service hold up no other.

create table notice_standing (
  -- Such as `alarm gas_money_short`, or `quarantine` and a worker.
  name text primary key check (length(name) between 1 and 200),
  since timestamptz not null,
  -- Over when no node saw it again until then.
  until timestamptz not null,
  told boolean not null,
  -- Of an alarm: what was the matter, to be said when it is over.
  text text not null default '' check (length(text) <= 4000)
);

alter table notice_delivery add column type text;

create function notice_delivery_has_type() returns trigger language plpgsql as $$
begin
  new.type := (select c.type from notice_channel c where c.id = new.channel);
  return new;
end
$$;

create trigger notice_delivery_has_type before insert on notice_delivery
  for each row execute function notice_delivery_has_type();

update notice_delivery d set type = c.type from notice_channel c where c.id = d.channel;

-- What was never tried goes first: a receiver that hangs delays its own letters, and no others.
create index notice_delivery_due on notice_delivery (type, least(attempts, 1), next_at)
  where state = 'waiting';
-- Whether another letter to the same place comes before.
create index notice_delivery_place on notice_delivery (target) where state = 'waiting';
