-- safe while the old version runs
-- Prices that an operator set while the pool ran: they rule over the settings until they are reset.

create table set_price (
  -- Empty: every gateway.
  gateway bytea not null check (length(gateway) in (0, 20)),
  -- Number and model of a capability; empty: video.
  capability text not null,
  price text not null,
  set_at timestamptz not null default now(),
  primary key (gateway, capability)
);
