-- What the migrations add up to, so that the effect of one is a readable diff.
-- Written by src/database/write-schema.ts from the catalogue; a test fails when it is stale.


create table contribution (
  id uuid not null,
  job uuid not null,
  attempt smallint not null,
  task bigint not null,
  worker text not null,
  connection text not null,
  session text not null,
  manifest_hash bytea,
  verdict text not null,
  reason text,
  pixels bigint not null,
  renditions jsonb not null,
  source_duration_ms integer not null,
  source_bytes bigint not null,
  source_hash bytea,
  queued_ms integer,
  fetched_ms integer,
  transcoded_ms integer,
  uploaded_ms integer,
  verified_ms integer,
  at timestamp with time zone not null,
  constraint contribution_pkey PRIMARY KEY (id),
  constraint contribution_task_key UNIQUE (task),
  constraint contribution_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint contribution_attempt_check CHECK ((attempt > 0)),
  constraint contribution_fetched_ms_check CHECK ((fetched_ms >= 0)),
  constraint contribution_manifest_hash_check CHECK ((length(manifest_hash) = 32)),
  constraint contribution_pays_only_credited CHECK (
CASE
    WHEN (verdict = 'credited'::text) THEN ((reason IS NULL) AND (source_hash IS NOT NULL))
    ELSE ((reason IS NOT NULL) AND (pixels = 0))
END),
  constraint contribution_pixels_are_the_sum CHECK (((pixels)::numeric = contribution_pixels(renditions))),
  constraint contribution_queued_ms_check CHECK ((queued_ms >= 0)),
  constraint contribution_reason_check CHECK ((reason ~ '^[a-z][a-z0-9_]{0,63}$'::text)),
  constraint contribution_source_bytes_check CHECK ((source_bytes >= 0)),
  constraint contribution_source_duration_ms_check CHECK ((source_duration_ms >= 0)),
  constraint contribution_source_hash_check CHECK ((length(source_hash) = 32)),
  constraint contribution_task_check CHECK ((task > 0)),
  constraint contribution_transcoded_ms_check CHECK ((transcoded_ms >= 0)),
  constraint contribution_uploaded_ms_check CHECK ((uploaded_ms >= 0)),
  constraint contribution_verdict_check CHECK ((verdict = ANY (ARRAY['credited'::text, 'rejected'::text, 'errored'::text, 'lost'::text, 'late'::text, 'superseded'::text]))),
  constraint contribution_verified_ms_check CHECK ((verified_ms >= 0))
);
CREATE UNIQUE INDEX contribution_credited_once ON public.contribution USING btree (job) WHERE (verdict = 'credited'::text);
CREATE INDEX contribution_failed ON public.contribution USING btree (job) WHERE (verdict <> 'credited'::text);
CREATE INDEX contribution_worker ON public.contribution USING btree (worker, at);
CREATE TRIGGER contribution_is_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.contribution FOR EACH STATEMENT EXECUTE FUNCTION contribution_is_final();

create table credential (
  hash bytea not null,
  worker text not null,
  slot smallint not null,
  created_at timestamp with time zone not null default now(),
  revoked_at timestamp with time zone,
  constraint credential_pkey PRIMARY KEY (hash),
  constraint credential_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint credential_hash_check CHECK ((length(hash) = 32)),
  constraint credential_slot_check CHECK ((slot = ANY (ARRAY[1, 2])))
);
CREATE UNIQUE INDEX credential_slot ON public.credential USING btree (worker, slot) WHERE (revoked_at IS NULL);
CREATE TRIGGER worker_changed AFTER INSERT OR UPDATE ON public.credential FOR EACH ROW EXECUTE FUNCTION worker_changed();

create table migration (
  number integer not null,
  file text not null,
  checksum text not null,
  applied_at timestamp with time zone not null default now(),
  constraint migration_pkey PRIMARY KEY (number)
);

create table secret (
  purpose text not null,
  version integer not null,
  key bytea not null,
  created_at timestamp with time zone not null default now(),
  retired_at timestamp with time zone,
  constraint secret_pkey PRIMARY KEY (purpose, version),
  constraint secret_key_check CHECK ((length(key) = 32)),
  constraint secret_purpose_check CHECK ((purpose ~ '^[a-z][a-z_]{0,62}$'::text)),
  constraint secret_version_check CHECK ((version > 0))
);
CREATE TRIGGER secret_changed AFTER INSERT OR UPDATE ON public.secret FOR EACH ROW EXECUTE FUNCTION secret_changed();

create table worker (
  id text not null,
  name text not null,
  payout_address bytea,
  state text not null default 'active'::text,
  created_at timestamp with time zone not null default now(),
  constraint worker_pkey PRIMARY KEY (id),
  constraint worker_id_check CHECK ((id ~ '^[a-z2-7]{10}$'::text)),
  constraint worker_name_check CHECK ((name ~ '^[A-Za-z0-9._-]{1,64}$'::text)),
  constraint worker_payout_address_check CHECK ((length(payout_address) = 20)),
  constraint worker_state_check CHECK ((state = ANY (ARRAY['active'::text, 'paused'::text, 'draining'::text, 'revoked'::text])))
);
CREATE UNIQUE INDEX worker_name ON public.worker USING btree (lower(name)) WHERE (state <> 'revoked'::text);
CREATE TRIGGER worker_changed AFTER INSERT OR UPDATE ON public.worker FOR EACH ROW EXECUTE FUNCTION worker_changed();

CREATE OR REPLACE FUNCTION public.contribution_is_final()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'contributions are appended, never changed' using errcode = '55000';
end
$function$;

CREATE OR REPLACE FUNCTION public.contribution_pixels(renditions jsonb)
 RETURNS numeric
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN (SELECT COALESCE(sum(((rendition.value ->> 'pixels'::text))::numeric), (0)::numeric) AS "coalesce" FROM jsonb_array_elements(contribution_pixels.renditions) rendition(value));

CREATE OR REPLACE FUNCTION public.secret_changed()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform pg_notify('secret_changed', new.purpose);
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.worker_changed()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_table_name = 'worker' then
    perform pg_notify('worker_changed', new.id);
  else
    perform pg_notify('worker_changed', new.worker);
  end if;
  return null;
end
$function$;
