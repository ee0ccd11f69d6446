-- safe while the old version runs
-- The key of notices lies in a file, beside the database and not in it; this says which key it is.

create table notice_key (
  one boolean primary key default true check (one),
  -- HMAC-SHA-256 of a fixed text by the key: enough to know it by.
  fingerprint bytea not null check (length(fingerprint) = 32),
  since timestamptz not null
);
