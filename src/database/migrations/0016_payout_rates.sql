-- safe while the old version runs
-- Rates that the operator wrote down, for exchanges whose source the terms call `manual`.

create table payout_rate (
  number bigint generated always as identity primary key,
  owed_asset text not null check (owed_asset ~ '^[A-Z][A-Z0-9]{0,11}$'),
  paid_asset text not null check (paid_asset ~ '^[A-Z][A-Z0-9]{0,11}$'),
  -- Base units of the paid asset for base units of the owed one.
  numerator numeric not null check (numerator > 0 and numerator = trunc(numerator)),
  denominator numeric not null check (denominator > 0 and denominator = trunc(denominator)),
  -- Where it is from, in the operator's words.
  note text not null check (note ~ '^[ -~]{1,160}$'),
  at timestamptz not null
);

create trigger payout_rate_is_kept before update or delete or truncate on payout_rate
  for each statement execute function payout_is_kept();
