-- safe while the old version runs
-- Numbers of transactions are a cluster's own: a backup that is restored into another cluster would put
-- new receipts before old ones. Each cluster that receipts came into being in is known, with the last
-- receipt before it; within one they are read by (txid, number).
create table receipt_home (
  number bigint primary key check (number > 0),
  -- What PostgreSQL gave the cluster when it was made.
  cluster text not null,
  -- Receipts with higher numbers came into being here, up to where the next home begins.
  after_receipt bigint not null check (after_receipt >= 0),
  since timestamptz not null default now()
);

insert into receipt_home (number, cluster, after_receipt)
  select 1, system_identifier::text, 0 from pg_control_system();

create function receipt_home_is_final() returns trigger language plpgsql as $$
begin
  raise exception 'where receipts came into being does not change' using errcode = '55000';
end
$$;

create trigger receipt_home_is_final before update or delete or truncate on receipt_home
  for each statement execute function receipt_home_is_final();

-- Called before anything is appended, by whoever starts: true when the cluster is another one now.
create function note_receipt_home() returns boolean language plpgsql as $$
declare
  here text := (select system_identifier::text from pg_control_system());
  last receipt_home;
begin
  lock table receipt_home in share row exclusive mode;
  select * into strict last from receipt_home order by number desc limit 1;
  if last.cluster = here then
    return false;
  end if;
  insert into receipt_home (number, cluster, after_receipt)
    values (last.number + 1, here, greatest(last.after_receipt,
      coalesce(pg_sequence_last_value(pg_get_serial_sequence('receipt', 'number')::regclass), 0)));
  return true;
end
$$;

-- In which home the last receipt of the history came into being.
alter table history_head add column home bigint not null default 1 references receipt_home (number);

create or replace function history_only_grows() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if tg_table_name = 'history_head' then
      if new.size >= old.size
        and (new.home, new.txid, new.number) >= (old.home, old.txid, old.number) then
        return new;
      end if;
    elsif (new.level, new.index) = (old.level, old.index)
      and length(new.hashes) >= length(old.hashes)
      and substring(new.hashes for length(old.hashes)) = old.hashes then
      return new;
    end if;
  end if;
  raise exception 'the history is appended to, never changed' using errcode = '55000';
end
$$;
