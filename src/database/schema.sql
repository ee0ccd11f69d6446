-- What the migrations add up to, so that the effect of one is a readable diff.
-- Written by src/database/write-schema.ts from the catalogue; a test fails when it is stale.


create table account_balance (
  account text not null,
  asset text not null,
  balance numeric not null,
  entries bigint not null,
  constraint account_balance_pkey PRIMARY KEY (account, asset),
  constraint account_balance_balance_check CHECK ((balance = trunc(balance))),
  constraint account_balance_entries_check CHECK ((entries > 0))
);
CREATE TRIGGER account_balance_follows_entries BEFORE INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.account_balance FOR EACH STATEMENT EXECUTE FUNCTION account_balance_follows_entries();

create table api_session (
  hash bytea not null,
  operator text,
  worker text,
  address bytea,
  signed_in_by text not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  constraint api_session_pkey PRIMARY KEY (hash),
  constraint api_session_operator_fkey FOREIGN KEY (operator) REFERENCES operator(id),
  constraint api_session_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint api_session_address_check CHECK ((length(address) = 20)),
  constraint api_session_check CHECK ((expires_at > created_at)),
  constraint api_session_hash_check CHECK ((length(hash) = 32)),
  constraint api_session_is_of_one CHECK ((num_nonnulls(operator, worker, address) = 1)),
  constraint api_session_signed_in_by_check CHECK ((signed_in_by = ANY (ARRAY['wallet'::text, 'link'::text])))
);
CREATE INDEX api_session_address ON public.api_session USING btree (address) WHERE (address IS NOT NULL);
CREATE INDEX api_session_operator ON public.api_session USING btree (operator) WHERE (operator IS NOT NULL);
CREATE INDEX api_session_worker ON public.api_session USING btree (worker) WHERE (worker IS NOT NULL);

create table audit_log (
  number bigint not null,
  at timestamp with time zone not null,
  actor_kind text not null,
  actor_id text not null,
  actor_name text not null,
  route text not null,
  target text not null,
  asked jsonb not null,
  outcome text,
  before jsonb,
  after jsonb,
  constraint audit_log_pkey PRIMARY KEY (number),
  constraint audit_log_actor_id_check CHECK ((length(actor_id) <= 100)),
  constraint audit_log_actor_kind_check CHECK ((actor_kind = ANY (ARRAY['operator'::text, 'worker'::text, 'nobody'::text]))),
  constraint audit_log_actor_name_check CHECK ((length(actor_name) <= 100)),
  constraint audit_log_outcome_check CHECK ((length(outcome) <= 200)),
  constraint audit_log_route_check CHECK ((length(route) <= 200)),
  constraint audit_log_target_check CHECK ((length(target) <= 300))
);
CREATE INDEX audit_log_actor ON public.audit_log USING btree (actor_id, number);
CREATE TRIGGER audit_log_stays BEFORE DELETE OR UPDATE ON public.audit_log FOR EACH ROW EXECUTE FUNCTION audit_log_stays();
CREATE TRIGGER audit_log_stays_whole BEFORE TRUNCATE ON public.audit_log FOR EACH STATEMENT EXECUTE FUNCTION audit_log_stays();

create table book_event (
  number bigint not null,
  kind text not null,
  subject bytea not null,
  at timestamp with time zone not null default now(),
  constraint book_event_pkey PRIMARY KEY (number),
  constraint book_event_kind_check CHECK ((kind = ANY (ARRAY['ticket_won'::text, 'ticket_redeemed'::text, 'ticket_written_off'::text, 'gas'::text, 'intent'::text]))),
  constraint book_event_subject_check CHECK ((length(subject) = 32))
);

create table books_agreed (
  what text not null,
  before numeric not null default 0,
  begun_block bigint not null,
  block bigint not null,
  at timestamp with time zone not null,
  constraint books_agreed_pkey PRIMARY KEY (what),
  constraint books_agreed_before_check CHECK ((before = trunc(before))),
  constraint books_agreed_begun_block_check CHECK ((begun_block >= 0)),
  constraint books_agreed_block_check CHECK ((block >= 0)),
  constraint books_agreed_what_check CHECK ((what ~ '^[a-z_]{1,40} [A-Z][A-Z0-9]{0,11}$'::text))
);

create table chain_account (
  chain_id bigint not null,
  account bytea not null,
  version bigint not null default 0,
  driver uuid,
  driven_until timestamp with time zone,
  looked_to bigint,
  constraint chain_account_pkey PRIMARY KEY (chain_id, account),
  constraint chain_account_account_check CHECK ((length(account) = 20)),
  constraint chain_account_chain_id_check CHECK ((chain_id > 0)),
  constraint chain_account_driven_by CHECK (((driver IS NULL) = (driven_until IS NULL))),
  constraint chain_account_looked_to_check CHECK ((looked_to >= 0))
);

create table chain_block (
  chain_id bigint not null,
  follower text not null,
  number bigint not null,
  hash bytea not null,
  parent_hash bytea not null,
  l1_block bigint not null,
  base_fee_per_gas numeric not null,
  at timestamp with time zone not null,
  constraint chain_block_pkey PRIMARY KEY (chain_id, follower, number),
  constraint chain_block_chain_id_follower_fkey FOREIGN KEY (chain_id, follower) REFERENCES chain_follower(chain_id, follower) ON DELETE CASCADE,
  constraint chain_block_base_fee_per_gas_check CHECK ((base_fee_per_gas >= (0)::numeric)),
  constraint chain_block_hash_check CHECK ((length(hash) = 32)),
  constraint chain_block_l1_block_check CHECK ((l1_block >= 0)),
  constraint chain_block_number_check CHECK ((number >= 0)),
  constraint chain_block_parent_hash_check CHECK ((length(parent_hash) = 32))
);

create table chain_event (
  chain_id bigint not null,
  follower text not null,
  block bigint not null,
  block_hash bytea not null,
  place integer not null,
  transaction bytea not null,
  topics bytea[] not null,
  data bytea not null,
  constraint chain_event_pkey PRIMARY KEY (chain_id, follower, block_hash, place),
  constraint chain_event_chain_id_follower_fkey FOREIGN KEY (chain_id, follower) REFERENCES chain_follower(chain_id, follower) ON DELETE CASCADE,
  constraint chain_event_block_check CHECK ((block >= 0)),
  constraint chain_event_block_hash_check CHECK ((length(block_hash) = 32)),
  constraint chain_event_place_check CHECK ((place >= 0)),
  constraint chain_event_topics_check CHECK (((cardinality(topics) >= 1) AND (cardinality(topics) <= 4))),
  constraint chain_event_transaction_check CHECK ((length(transaction) = 32))
);

create table chain_follower (
  chain_id bigint not null,
  follower text not null,
  genesis bytea not null,
  since bigint not null,
  constraint chain_follower_pkey PRIMARY KEY (chain_id, follower),
  constraint chain_follower_chain_id_check CHECK ((chain_id > 0)),
  constraint chain_follower_follower_check CHECK ((follower ~ '^[a-z_]{1,32}$'::text)),
  constraint chain_follower_genesis_check CHECK ((length(genesis) = 32)),
  constraint chain_follower_since_check CHECK ((since >= 0))
);

create table chain_gas (
  hash bytea not null,
  wei numeric not null,
  constraint chain_gas_pkey PRIMARY KEY (hash),
  constraint chain_gas_hash_fkey FOREIGN KEY (hash) REFERENCES chain_transaction(hash),
  constraint chain_gas_wei_check CHECK (((wei >= (0)::numeric) AND (wei = trunc(wei))))
);
CREATE TRIGGER gas_is_for_the_books AFTER INSERT ON public.chain_gas FOR EACH ROW EXECUTE FUNCTION gas_is_for_the_books();

create table chain_intent (
  number bigint not null,
  chain_id bigint not null,
  account bytea not null,
  id text not null,
  recipient bytea not null,
  value numeric not null,
  calldata bytea not null,
  gas_limit bigint not null,
  worth numeric,
  withdrawn boolean not null default false,
  state text not null default 'intended'::text,
  reason text,
  hash bytea,
  block bigint,
  succeeded boolean,
  at timestamp with time zone not null default now(),
  constraint chain_intent_pkey PRIMARY KEY (number),
  constraint chain_intent_chain_id_account_id_key UNIQUE (chain_id, account, id),
  constraint chain_intent_account FOREIGN KEY (chain_id, account) REFERENCES chain_account(chain_id, account),
  constraint chain_intent_done_by FOREIGN KEY (hash) REFERENCES chain_transaction(hash),
  constraint chain_intent_block_check CHECK ((block >= 0)),
  constraint chain_intent_gas_limit_check CHECK ((gas_limit > 0)),
  constraint chain_intent_id_check CHECK ((id ~ '^[!-~]{1,200}$'::text)),
  constraint chain_intent_reason_check CHECK ((reason = ANY (ARRAY['withdrawn'::text, 'refused'::text, 'not_needed'::text]))),
  constraint chain_intent_recipient_check CHECK ((length(recipient) = 20)),
  constraint chain_intent_says_where CHECK (
CASE
    WHEN (state = ANY (ARRAY['included'::text, 'final'::text])) THEN ((hash IS NOT NULL) AND (block IS NOT NULL) AND (succeeded IS NOT NULL))
    ELSE ((hash IS NULL) AND (block IS NULL) AND (succeeded IS NULL))
END),
  constraint chain_intent_says_why_it_failed CHECK (((state = 'failed'::text) = (reason IS NOT NULL))),
  constraint chain_intent_state_check CHECK ((state = ANY (ARRAY['intended'::text, 'signed'::text, 'broadcast'::text, 'included'::text, 'final'::text, 'failed'::text]))),
  constraint chain_intent_value_check CHECK (((value >= (0)::numeric) AND (value = trunc(value)))),
  constraint chain_intent_worth_check CHECK (((worth >= (0)::numeric) AND (worth = trunc(worth))))
);
CREATE INDEX chain_intent_open ON public.chain_intent USING btree (chain_id, account, number) WHERE (state <> ALL (ARRAY['final'::text, 'failed'::text]));
CREATE TRIGGER chain_intent_stays_settled BEFORE DELETE OR UPDATE ON public.chain_intent FOR EACH ROW EXECUTE FUNCTION chain_intent_stays_settled();
CREATE TRIGGER intent_is_for_the_books AFTER UPDATE ON public.chain_intent FOR EACH ROW WHEN (((new.state = 'final'::text) AND (old.state <> 'final'::text) AND new.succeeded)) EXECUTE FUNCTION intent_is_for_the_books();

create table chain_nonce (
  chain_id bigint not null,
  account bytea not null,
  nonce bigint not null,
  intent bigint not null,
  used_up_by bytea,
  constraint chain_nonce_pkey PRIMARY KEY (chain_id, account, nonce),
  constraint chain_nonce_intent_fkey FOREIGN KEY (intent) REFERENCES chain_intent(number),
  constraint chain_nonce_nonce_check CHECK ((nonce >= 0)),
  constraint chain_nonce_used_up_by_check CHECK ((length(used_up_by) = 32))
);
CREATE UNIQUE INDEX chain_nonce_one_for_an_intent ON public.chain_nonce USING btree (intent) WHERE (used_up_by IS NULL);

create table chain_sender (
  chain_id bigint not null,
  sender bytea not null,
  seen_at timestamp with time zone not null default now(),
  constraint chain_sender_pkey PRIMARY KEY (chain_id, sender),
  constraint chain_sender_chain_id_check CHECK ((chain_id > 0)),
  constraint chain_sender_sender_check CHECK ((length(sender) = 20))
);
CREATE INDEX chain_sender_seen ON public.chain_sender USING btree (chain_id, seen_at DESC);

create table chain_transaction (
  hash bytea not null,
  number bigint not null,
  chain_id bigint not null,
  account bytea not null,
  nonce bigint not null,
  kind text not null,
  raw bytea not null,
  max_fee_per_gas numeric not null,
  max_priority_fee_per_gas numeric not null,
  signed_at timestamp with time zone not null,
  constraint chain_transaction_pkey PRIMARY KEY (hash),
  constraint chain_transaction_number_key UNIQUE (number),
  constraint chain_transaction_chain_id_account_nonce_fkey FOREIGN KEY (chain_id, account, nonce) REFERENCES chain_nonce(chain_id, account, nonce),
  constraint chain_transaction_hash_check CHECK ((length(hash) = 32)),
  constraint chain_transaction_kind_check CHECK ((kind = ANY (ARRAY['work'::text, 'cancel'::text]))),
  constraint chain_transaction_max_fee_per_gas_check CHECK ((max_fee_per_gas >= (0)::numeric)),
  constraint chain_transaction_max_priority_fee_per_gas_check CHECK ((max_priority_fee_per_gas >= (0)::numeric))
);
CREATE INDEX chain_transaction_nonce ON public.chain_transaction USING btree (chain_id, account, nonce);
CREATE TRIGGER chain_transaction_is_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.chain_transaction FOR EACH STATEMENT EXECUTE FUNCTION chain_transaction_is_final();

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
CREATE INDEX contribution_at ON public.contribution USING brin (at) WITH (pages_per_range='32');
CREATE UNIQUE INDEX contribution_credited_once ON public.contribution USING btree (job) WHERE (verdict = 'credited'::text);
CREATE INDEX contribution_failed ON public.contribution USING btree (job) WHERE (verdict <> 'credited'::text);
CREATE INDEX contribution_worker ON public.contribution USING btree (worker, at);
CREATE TRIGGER contribution_is_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.contribution FOR EACH STATEMENT EXECUTE FUNCTION contribution_is_final();
CREATE TRIGGER rejected_is_a_failed_check AFTER INSERT ON public.contribution FOR EACH ROW WHEN ((new.verdict = 'rejected'::text)) EXECUTE FUNCTION rejected_is_a_failed_check();

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

create table demand_hour (
  hour timestamp with time zone not null,
  node text not null,
  jobs bigint not null,
  failed bigint not null,
  retried bigint not null,
  asked jsonb not null,
  added integer[] not null,
  winners integer[] not null,
  constraint demand_hour_pkey PRIMARY KEY (hour, node)
);

create table dispute (
  id text not null,
  worker text not null,
  subject text not null,
  facts jsonb not null,
  opened_at timestamp with time zone not null,
  constraint dispute_pkey PRIMARY KEY (id),
  constraint dispute_subject_key UNIQUE (subject),
  constraint dispute_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint dispute_facts_check CHECK ((jsonb_typeof(facts) = 'object'::text)),
  constraint dispute_id_check CHECK ((id ~ '^[a-z2-7]{16}$'::text)),
  constraint dispute_subject_check CHECK ((subject ~ '^[!-~]{1,160}$'::text))
);
CREATE INDEX dispute_of_worker ON public.dispute USING btree (worker, opened_at);
CREATE TRIGGER dispute_is_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON public.dispute FOR EACH STATEMENT EXECUTE FUNCTION dispute_is_kept();

create table dispute_event (
  sequence bigint not null,
  dispute text not null,
  record text not null,
  hash bytea not null,
  content text not null,
  constraint dispute_event_pkey PRIMARY KEY (sequence),
  constraint dispute_event_dispute_fkey FOREIGN KEY (dispute) REFERENCES dispute(id),
  constraint dispute_event_check CHECK ((hash = sha256(convert_to(record, 'UTF8'::name)))),
  constraint dispute_event_content_check CHECK ((length(content) <= 40000)),
  constraint dispute_event_record_check CHECK ((length(record) <= 4000)),
  constraint dispute_event_sequence_check CHECK ((sequence > 0))
);
CREATE INDEX dispute_event_of_dispute ON public.dispute_event USING btree (dispute, sequence);
CREATE TRIGGER dispute_event_follows BEFORE INSERT ON public.dispute_event FOR EACH ROW EXECUTE FUNCTION dispute_event_follows();
CREATE TRIGGER dispute_event_is_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON public.dispute_event FOR EACH STATEMENT EXECUTE FUNCTION dispute_is_kept();
CREATE TRIGGER dispute_event_is_noted AFTER INSERT ON public.dispute_event FOR EACH ROW EXECUTE FUNCTION dispute_event_is_noted();

create table earned_hour (
  hour timestamp with time zone not null,
  asset text not null,
  amount numeric not null,
  constraint earned_hour_pkey PRIMARY KEY (hour, asset)
);

create table entry (
  posting bigint not null,
  line integer not null,
  account text not null,
  asset text not null,
  amount numeric not null,
  note text,
  balance numeric not null,
  constraint entry_pkey PRIMARY KEY (posting, line),
  constraint entry_posting_fkey FOREIGN KEY (posting) REFERENCES posting(number),
  constraint entry_account_check CHECK ((account ~ '^[a-z][a-z_]{0,30}(:[A-Za-z0-9._-]{1,80})?$'::text)),
  constraint entry_amount_check CHECK (((amount <> (0)::numeric) AND (amount = trunc(amount)) AND (abs(amount) < '340282366920938463463374607431768211456'::numeric))),
  constraint entry_asset_check CHECK ((asset ~ '^[A-Z][A-Z0-9]{0,11}$'::text)),
  constraint entry_line_check CHECK ((line > 0)),
  constraint entry_note_check CHECK ((length(note) <= 500))
);
CREATE INDEX entry_of_account ON public.entry USING btree (account, asset, posting, line);
CREATE TRIGGER entries_sum_to_zero AFTER INSERT ON public.entry REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION entries_sum_to_zero();
CREATE TRIGGER entry_is_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.entry FOR EACH STATEMENT EXECUTE FUNCTION posting_is_final();
CREATE TRIGGER entry_moves_the_balance BEFORE INSERT ON public.entry FOR EACH ROW EXECUTE FUNCTION entry_moves_the_balance();

create table epoch (
  number bigint not null,
  state text not null default 'open'::text,
  opened_at timestamp with time zone not null default now(),
  ended_at timestamp with time zone,
  closed_at timestamp with time zone,
  terms_version integer not null default 0,
  constraint epoch_pkey PRIMARY KEY (number),
  constraint epoch_number_check CHECK ((number > 0)),
  constraint epoch_state_check CHECK ((state = ANY (ARRAY['open'::text, 'closing'::text, 'closed'::text]))),
  constraint epoch_state_has_its_times CHECK ((((ended_at IS NULL) = (state = 'open'::text)) AND ((closed_at IS NULL) = (state <> 'closed'::text)))),
  constraint epoch_terms_version_check CHECK ((terms_version >= 0))
);
CREATE UNIQUE INDEX epoch_one_is_open ON public.epoch USING btree (state) WHERE (state = 'open'::text);
CREATE TRIGGER epoch_goes_on BEFORE DELETE OR UPDATE ON public.epoch FOR EACH ROW EXECUTE FUNCTION epoch_goes_on();
CREATE TRIGGER epoch_has_its_terms BEFORE INSERT ON public.epoch FOR EACH ROW EXECUTE FUNCTION epoch_has_its_terms();
CREATE TRIGGER epochs_are_kept BEFORE TRUNCATE ON public.epoch FOR EACH STATEMENT EXECUTE FUNCTION epoch_goes_on();

create table epoch_end (
  epoch bigint not null,
  posting bigint not null,
  constraint epoch_end_pkey PRIMARY KEY (epoch),
  constraint epoch_end_epoch_fkey FOREIGN KEY (epoch) REFERENCES epoch(number),
  constraint epoch_end_posting_check CHECK ((posting >= 0))
);
CREATE TRIGGER epoch_end_is_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.epoch_end FOR EACH STATEMENT EXECUTE FUNCTION epoch_result_is_final();

create table epoch_holdback (
  epoch bigint not null,
  worker text not null,
  asset text not null,
  amount numeric not null,
  release_epoch bigint not null,
  constraint epoch_holdback_pkey PRIMARY KEY (epoch, worker, asset),
  constraint epoch_holdback_epoch_fkey FOREIGN KEY (epoch) REFERENCES epoch_result(epoch),
  constraint epoch_holdback_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint epoch_holdback_amount_check CHECK (((amount > (0)::numeric) AND (amount = trunc(amount)))),
  constraint epoch_holdback_asset_check CHECK ((asset ~ '^[A-Z][A-Z0-9]{0,11}$'::text)),
  constraint epoch_holdback_check CHECK ((release_epoch > epoch))
);
CREATE INDEX epoch_holdback_due ON public.epoch_holdback USING btree (release_epoch, worker);
CREATE TRIGGER epoch_holdback_is_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.epoch_holdback FOR EACH STATEMENT EXECUTE FUNCTION epoch_result_is_final();

create table epoch_record (
  epoch bigint not null,
  record text not null,
  signature bytea not null,
  key bytea not null,
  history text,
  constraint epoch_record_pkey PRIMARY KEY (epoch),
  constraint epoch_record_epoch_fkey FOREIGN KEY (epoch) REFERENCES epoch_result(epoch),
  constraint epoch_record_key_check CHECK ((length(key) = 32)),
  constraint epoch_record_signature_check CHECK ((length(signature) = 64))
);
CREATE TRIGGER epoch_record_is_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.epoch_record FOR EACH STATEMENT EXECUTE FUNCTION epoch_result_is_final();

create table epoch_recovered (
  epoch bigint not null,
  at timestamp with time zone not null default now(),
  constraint epoch_recovered_pkey PRIMARY KEY (epoch),
  constraint epoch_recovered_epoch_fkey FOREIGN KEY (epoch) REFERENCES epoch(number)
);
CREATE TRIGGER epoch_recovered_is_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.epoch_recovered FOR EACH STATEMENT EXECUTE FUNCTION epoch_result_is_final();

create table epoch_result (
  epoch bigint not null,
  input text not null,
  settlement text not null,
  root bytea not null,
  constraint epoch_result_pkey PRIMARY KEY (epoch),
  constraint epoch_result_epoch_fkey FOREIGN KEY (epoch) REFERENCES epoch(number),
  constraint epoch_result_root_check CHECK ((length(root) = 32))
);
CREATE TRIGGER epoch_result_is_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.epoch_result FOR EACH STATEMENT EXECUTE FUNCTION epoch_result_is_final();

create table epoch_round (
  epoch bigint not null,
  round bigint not null,
  constraint epoch_round_pkey PRIMARY KEY (epoch),
  constraint epoch_round_epoch_fkey FOREIGN KEY (epoch) REFERENCES epoch(number),
  constraint epoch_round_round_check CHECK ((round >= 0))
);
CREATE TRIGGER epoch_round_is_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.epoch_round FOR EACH STATEMENT EXECUTE FUNCTION epoch_result_is_final();

create table epoch_worker (
  epoch bigint not null,
  worker text not null,
  units numeric not null,
  owed jsonb not null,
  cumulative jsonb not null,
  last_sequence bigint not null,
  last_receipt_hash bytea not null,
  salt bytea,
  constraint epoch_worker_pkey PRIMARY KEY (epoch, worker),
  constraint epoch_worker_epoch_fkey FOREIGN KEY (epoch) REFERENCES epoch_result(epoch),
  constraint epoch_worker_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint epoch_worker_cumulative_check CHECK ((jsonb_typeof(cumulative) = 'object'::text)),
  constraint epoch_worker_last_receipt_hash_check CHECK ((length(last_receipt_hash) = 32)),
  constraint epoch_worker_last_sequence_check CHECK ((last_sequence >= 0)),
  constraint epoch_worker_owed_check CHECK ((jsonb_typeof(owed) = 'object'::text)),
  constraint epoch_worker_salt_check CHECK ((length(salt) = 32)),
  constraint epoch_worker_units_check CHECK (((units >= (0)::numeric) AND (units = trunc(units))))
);
CREATE TRIGGER epoch_worker_is_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.epoch_worker FOR EACH STATEMENT EXECUTE FUNCTION epoch_result_is_final();

create table failed_check (
  id bigint not null,
  worker text not null,
  epoch bigint not null,
  at timestamp with time zone not null,
  contribution uuid,
  reason text not null,
  constraint failed_check_pkey PRIMARY KEY (id),
  constraint failed_check_contribution_fkey FOREIGN KEY (contribution) REFERENCES contribution(id),
  constraint failed_check_epoch_fkey FOREIGN KEY (epoch) REFERENCES epoch(number),
  constraint failed_check_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint failed_check_reason_check CHECK ((reason ~ '^[a-z][a-z0-9_]{0,63}$'::text))
);
CREATE INDEX failed_check_of_epoch ON public.failed_check USING btree (epoch, worker);
CREATE TRIGGER failed_check_is_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.failed_check FOR EACH STATEMENT EXECUTE FUNCTION said_once();

create table history_head (
  one boolean not null default true,
  size bigint not null default 0,
  txid xid8 not null default '0'::xid8,
  number bigint not null default 0,
  home bigint not null default 1,
  constraint history_head_pkey PRIMARY KEY (one),
  constraint history_head_home_fkey FOREIGN KEY (home) REFERENCES receipt_home(number),
  constraint history_head_one_check CHECK (one),
  constraint history_head_size_check CHECK ((size >= 0))
);
CREATE TRIGGER history_head_only_grows BEFORE DELETE OR UPDATE ON public.history_head FOR EACH ROW EXECUTE FUNCTION history_only_grows();
CREATE TRIGGER history_heads_are_kept BEFORE TRUNCATE ON public.history_head FOR EACH STATEMENT EXECUTE FUNCTION history_only_grows();

create table history_tile (
  level smallint not null,
  index bigint not null,
  hashes bytea not null,
  constraint history_tile_pkey PRIMARY KEY (level, index),
  constraint history_tile_hashes_check CHECK ((((length(hashes) >= 32) AND (length(hashes) <= 8192)) AND ((length(hashes) % 32) = 0))),
  constraint history_tile_index_check CHECK ((index >= 0)),
  constraint history_tile_level_check CHECK (((level >= 0) AND (level <= 6)))
);
CREATE TRIGGER history_tile_only_grows BEFORE DELETE OR UPDATE ON public.history_tile FOR EACH ROW EXECUTE FUNCTION history_only_grows();
CREATE TRIGGER history_tiles_are_kept BEFORE TRUNCATE ON public.history_tile FOR EACH STATEMENT EXECUTE FUNCTION history_only_grows();

create table incident (
  id bigint not null,
  kind text not null,
  title text not null,
  starts_at timestamp with time zone not null,
  ends_at timestamp with time zone,
  closed_at timestamp with time zone,
  automatic boolean not null default false,
  opened_at timestamp with time zone not null,
  constraint incident_pkey PRIMARY KEY (id),
  constraint incident_check CHECK ((ends_at >= starts_at)),
  constraint incident_kind_check CHECK ((kind = ANY (ARRAY['incident'::text, 'maintenance'::text]))),
  constraint incident_maintenance_has_an_end CHECK (((kind = 'incident'::text) OR (ends_at IS NOT NULL))),
  constraint incident_title_check CHECK (((length(title) >= 1) AND (length(title) <= 200)))
);
CREATE UNIQUE INDEX incident_automatic_once ON public.incident USING btree (starts_at) WHERE automatic;
CREATE INDEX incident_by_time ON public.incident USING btree (starts_at);
CREATE TRIGGER incident_end_is_noted AFTER UPDATE OF closed_at ON public.incident FOR EACH ROW WHEN (((old.closed_at IS NULL) AND (new.closed_at IS NOT NULL))) EXECUTE FUNCTION incident_is_noted();
CREATE TRIGGER incident_is_noted AFTER INSERT ON public.incident FOR EACH ROW EXECUTE FUNCTION incident_is_noted();

create table incident_update (
  incident bigint not null,
  at timestamp with time zone not null,
  text text not null,
  constraint incident_update_incident_fkey FOREIGN KEY (incident) REFERENCES incident(id),
  constraint incident_update_text_check CHECK (((length(text) >= 1) AND (length(text) <= 2000)))
);
CREATE INDEX incident_update_of_incident ON public.incident_update USING btree (incident, at);

create table income_mark (
  one boolean not null default true,
  expected numeric not null default 0,
  redeemed numeric not null default 0,
  recognised numeric not null default 0,
  constraint income_mark_pkey PRIMARY KEY (one),
  constraint income_mark_check CHECK (((recognised >= (0)::numeric) AND (recognised <= GREATEST(expected, redeemed)))),
  constraint income_mark_expected_check CHECK (((expected >= (0)::numeric) AND (expected = trunc(expected)))),
  constraint income_mark_one_check CHECK (one),
  constraint income_mark_redeemed_check CHECK (((redeemed >= (0)::numeric) AND (redeemed = trunc(redeemed))))
);

create table login_link (
  hash bytea not null,
  operator text,
  worker text,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone,
  constraint login_link_pkey PRIMARY KEY (hash),
  constraint login_link_operator_fkey FOREIGN KEY (operator) REFERENCES operator(id),
  constraint login_link_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint login_link_check CHECK ((expires_at > created_at)),
  constraint login_link_hash_check CHECK ((length(hash) = 32)),
  constraint login_link_is_of_one CHECK ((num_nonnulls(operator, worker) = 1))
);

create table migration (
  number integer not null,
  file text not null,
  checksum text not null,
  applied_at timestamp with time zone not null default now(),
  constraint migration_pkey PRIMARY KEY (number)
);

create table missed_hour (
  hour timestamp with time zone not null,
  node text not null,
  worker text not null,
  counts jsonb not null,
  constraint missed_hour_pkey PRIMARY KEY (worker, hour, node),
  constraint missed_hour_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id)
);
CREATE INDEX missed_hour_of_hour ON public.missed_hour USING btree (hour);

create table notice (
  id bigint not null,
  kind text not null,
  worker text,
  open boolean not null,
  at timestamp with time zone not null,
  since timestamp with time zone not null,
  until timestamp with time zone,
  title text not null,
  text text not null,
  affected text not null,
  todo text,
  page text,
  constraint notice_pkey PRIMARY KEY (id),
  constraint notice_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint notice_affected_check CHECK (((length(affected) >= 1) AND (length(affected) <= 1000))),
  constraint notice_kind_check CHECK ((kind ~ '^[a-z][a-z_]{0,30}$'::text)),
  constraint notice_page_check CHECK ((page ~ '^/[!-~]{0,200}$'::text)),
  constraint notice_text_check CHECK (((length(text) >= 1) AND (length(text) <= 4000))),
  constraint notice_title_check CHECK (((length(title) >= 1) AND (length(title) <= 200))),
  constraint notice_todo_check CHECK (((length(todo) >= 1) AND (length(todo) <= 1000)))
);
CREATE INDEX notice_of_worker ON public.notice USING btree (worker, id);
CREATE INDEX notice_open ON public.notice USING btree (id) WHERE open;
CREATE INDEX notice_told ON public.notice USING btree (kind, worker, at);

create table notice_absence (
  worker text not null,
  since timestamp with time zone not null,
  told boolean not null,
  constraint notice_absence_pkey PRIMARY KEY (worker),
  constraint notice_absence_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id)
);

create table notice_channel (
  id text not null,
  owner_kind text not null,
  owner text not null,
  type text not null,
  sealed bytea not null,
  target bytea not null,
  shown text not null,
  kinds text[] not null,
  created_at timestamp with time zone not null,
  confirmed_at timestamp with time zone,
  code_hash bytea,
  code_expires_at timestamp with time zone,
  code_tries integer not null default 0,
  stopped_at timestamp with time zone,
  stopped_because text,
  constraint notice_channel_pkey PRIMARY KEY (id),
  constraint notice_channel_owner_kind_owner_target_key UNIQUE (owner_kind, owner, target),
  constraint notice_channel_code_hash_check CHECK ((length(code_hash) = 32)),
  constraint notice_channel_code_tries_check CHECK ((code_tries >= 0)),
  constraint notice_channel_id_check CHECK ((id ~ '^[a-z2-7]{16}$'::text)),
  constraint notice_channel_of_pool CHECK (((owner_kind = 'pool'::text) = (owner = ''::text))),
  constraint notice_channel_owner_check CHECK ((length(owner) <= 100)),
  constraint notice_channel_owner_kind_check CHECK ((owner_kind = ANY (ARRAY['address'::text, 'worker'::text, 'operator'::text, 'pool'::text]))),
  constraint notice_channel_sealed_check CHECK (((length(sealed) >= 29) AND (length(sealed) <= 8192))),
  constraint notice_channel_shown_check CHECK ((length(shown) <= 200)),
  constraint notice_channel_stopped_because_check CHECK ((stopped_because ~ '^[a-z][a-z0-9_]{0,62}$'::text)),
  constraint notice_channel_stops CHECK (((stopped_at IS NULL) = (stopped_because IS NULL))),
  constraint notice_channel_target_check CHECK ((length(target) = 32)),
  constraint notice_channel_type_check CHECK ((type = ANY (ARRAY['email'::text, 'discord'::text, 'telegram'::text, 'ntfy'::text, 'webhook'::text])))
);

create table notice_code (
  hash bytea not null,
  owner_kind text not null,
  owner text not null,
  expires_at timestamp with time zone not null,
  constraint notice_code_pkey PRIMARY KEY (hash),
  constraint notice_code_hash_check CHECK ((length(hash) = 32)),
  constraint notice_code_owner_check CHECK (((length(owner) >= 1) AND (length(owner) <= 100))),
  constraint notice_code_owner_kind_check CHECK ((owner_kind = ANY (ARRAY['address'::text, 'worker'::text])))
);

create table notice_cursor (
  name text not null,
  "position" bigint not null,
  constraint notice_cursor_pkey PRIMARY KEY (name),
  constraint notice_cursor_name_check CHECK ((name ~ '^[a-z][a-z_]{0,30}$'::text))
);

create table notice_delivery (
  id uuid not null,
  channel text not null,
  target bytea not null,
  notices bigint[] not null,
  state text not null default 'waiting'::text,
  attempts integer not null default 0,
  created_at timestamp with time zone not null,
  next_at timestamp with time zone not null,
  claimed_until timestamp with time zone,
  ended_at timestamp with time zone,
  reason text,
  type text,
  constraint notice_delivery_pkey PRIMARY KEY (id),
  constraint notice_delivery_channel_fkey FOREIGN KEY (channel) REFERENCES notice_channel(id) ON DELETE CASCADE,
  constraint notice_delivery_attempts_check CHECK ((attempts >= 0)),
  constraint notice_delivery_ends CHECK (((state = 'waiting'::text) = (ended_at IS NULL))),
  constraint notice_delivery_notices_check CHECK (((cardinality(notices) >= 1) AND (cardinality(notices) <= 100))),
  constraint notice_delivery_reason_check CHECK ((reason ~ '^[a-z][a-z0-9_]{0,62}$'::text)),
  constraint notice_delivery_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'sent'::text, 'dead'::text]))),
  constraint notice_delivery_target_check CHECK ((length(target) = 32))
);
CREATE INDEX notice_delivery_channel ON public.notice_delivery USING btree (channel, created_at);
CREATE INDEX notice_delivery_dead ON public.notice_delivery USING btree (ended_at) WHERE (state = 'dead'::text);
CREATE INDEX notice_delivery_due ON public.notice_delivery USING btree (type, LEAST(attempts, 1), next_at) WHERE (state = 'waiting'::text);
CREATE INDEX notice_delivery_place ON public.notice_delivery USING btree (target) WHERE (state = 'waiting'::text);
CREATE INDEX notice_delivery_target ON public.notice_delivery USING btree (target, created_at);
CREATE INDEX notice_delivery_waiting ON public.notice_delivery USING btree (next_at) WHERE (state = 'waiting'::text);
CREATE TRIGGER notice_delivery_has_type BEFORE INSERT ON public.notice_delivery FOR EACH ROW EXECUTE FUNCTION notice_delivery_has_type();

create table notice_discord_user (
  discord_user text not null,
  owner_kind text not null,
  owner text not null,
  linked_at timestamp with time zone not null,
  constraint notice_discord_user_pkey PRIMARY KEY (discord_user, owner_kind, owner),
  constraint notice_discord_user_discord_user_check CHECK ((discord_user ~ '^[0-9]{5,25}$'::text)),
  constraint notice_discord_user_owner_check CHECK (((length(owner) >= 1) AND (length(owner) <= 100))),
  constraint notice_discord_user_owner_kind_check CHECK ((owner_kind = ANY (ARRAY['address'::text, 'worker'::text])))
);

create table notice_event (
  id bigint not null,
  key text not null,
  source text not null,
  worker text,
  at timestamp with time zone not null,
  facts jsonb not null default '{}'::jsonb,
  due_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  done_at timestamp with time zone,
  constraint notice_event_pkey PRIMARY KEY (id),
  constraint notice_event_key_key UNIQUE (key),
  constraint notice_event_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint notice_event_facts_check CHECK ((jsonb_typeof(facts) = 'object'::text)),
  constraint notice_event_key_check CHECK ((length(key) <= 200)),
  constraint notice_event_source_check CHECK ((source ~ '^[a-z][a-z_]{0,30}$'::text))
);
CREATE INDEX notice_event_waiting ON public.notice_event USING btree (due_at) WHERE (done_at IS NULL);

create table notice_key (
  one boolean not null default true,
  fingerprint bytea not null,
  since timestamp with time zone not null,
  constraint notice_key_pkey PRIMARY KEY (one),
  constraint notice_key_fingerprint_check CHECK ((length(fingerprint) = 32)),
  constraint notice_key_one_check CHECK (one)
);

create table notice_place (
  worker text not null,
  place bytea not null,
  first_at timestamp with time zone not null,
  last_at timestamp with time zone not null,
  constraint notice_place_pkey PRIMARY KEY (worker, place),
  constraint notice_place_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint notice_place_place_check CHECK ((length(place) = 16))
);

create table notice_standing (
  name text not null,
  since timestamp with time zone not null,
  until timestamp with time zone not null,
  told boolean not null,
  text text not null default ''::text,
  constraint notice_standing_pkey PRIMARY KEY (name),
  constraint notice_standing_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
  constraint notice_standing_text_check CHECK ((length(text) <= 4000))
);

create table operator (
  id text not null,
  name text not null,
  role text not null,
  address bytea,
  added_at timestamp with time zone not null,
  removed_at timestamp with time zone,
  constraint operator_pkey PRIMARY KEY (id),
  constraint operator_address_check CHECK ((length(address) = 20)),
  constraint operator_id_check CHECK ((id ~ '^[a-z2-7]{10}$'::text)),
  constraint operator_name_check CHECK ((name ~ '^[A-Za-z0-9._-]{1,64}$'::text)),
  constraint operator_role_check CHECK ((role = ANY (ARRAY['viewer'::text, 'support'::text, 'finance'::text, 'owner'::text])))
);
CREATE UNIQUE INDEX operator_address ON public.operator USING btree (address) WHERE (removed_at IS NULL);
CREATE UNIQUE INDEX operator_name ON public.operator USING btree (lower(name)) WHERE (removed_at IS NULL);

create table own_lpt_booked (
  transaction bytea not null,
  constraint own_lpt_booked_pkey PRIMARY KEY (transaction),
  constraint own_lpt_booked_transaction_check CHECK ((length(transaction) = 32))
);

create table payment_balance (
  sender bytea not null,
  session text not null,
  credited numeric not null default 0,
  debited_numerator numeric not null default 0,
  debited_denominator numeric not null default 1,
  price_numerator numeric,
  price_denominator numeric,
  used_at timestamp with time zone not null default now(),
  constraint payment_balance_pkey PRIMARY KEY (sender, session),
  constraint payment_balance_credited_check CHECK (((credited >= (0)::numeric) AND (credited = trunc(credited)))),
  constraint payment_balance_debited_denominator_check CHECK (((debited_denominator > (0)::numeric) AND (debited_denominator = trunc(debited_denominator)))),
  constraint payment_balance_debited_numerator_check CHECK (((debited_numerator >= (0)::numeric) AND (debited_numerator = trunc(debited_numerator)))),
  constraint payment_balance_price_denominator_check CHECK (((price_denominator > (0)::numeric) AND (price_denominator = trunc(price_denominator)))),
  constraint payment_balance_price_is_whole CHECK (((price_numerator IS NULL) = (price_denominator IS NULL))),
  constraint payment_balance_price_numerator_check CHECK (((price_numerator >= (0)::numeric) AND (price_numerator = trunc(price_numerator)))),
  constraint payment_balance_sender_check CHECK ((length(sender) = 20)),
  constraint payment_balance_session_check CHECK (((length(session) >= 1) AND (length(session) <= 256)))
);
CREATE INDEX payment_balance_used ON public.payment_balance USING btree (used_at);

create table payment_total (
  sender bytea not null,
  tickets bigint not null,
  refused bigint not null,
  credited numeric not null,
  constraint payment_total_pkey PRIMARY KEY (sender),
  constraint payment_total_credited_check CHECK (((credited >= (0)::numeric) AND (credited = trunc(credited)))),
  constraint payment_total_refused_check CHECK ((refused >= 0)),
  constraint payment_total_sender_check CHECK ((length(sender) = 20)),
  constraint payment_total_tickets_check CHECK ((tickets >= 0))
);

create table payout (
  id uuid not null,
  batch uuid not null,
  place integer not null,
  worker text not null,
  asset text not null,
  amount numeric not null,
  recipient bytea,
  fiat_account text,
  state text not null default 'owed'::text,
  reason text,
  reference text,
  received numeric,
  created_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  constraint payout_pkey PRIMARY KEY (id),
  constraint payout_batch_place_key UNIQUE (batch, place),
  constraint payout_batch_worker_key UNIQUE (batch, worker),
  constraint payout_batch_fkey FOREIGN KEY (batch) REFERENCES payout_batch(id),
  constraint payout_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint payout_amount_check CHECK (((amount > (0)::numeric) AND (amount = trunc(amount)))),
  constraint payout_asset_check CHECK ((asset ~ '^[A-Z][A-Z0-9]{0,11}$'::text)),
  constraint payout_ends CHECK (((state = ANY (ARRAY['final'::text, 'failed'::text, 'returned'::text])) = (ended_at IS NOT NULL))),
  constraint payout_fiat_account_check CHECK ((fiat_account ~ '^[ -~]{1,140}$'::text)),
  constraint payout_goes_somewhere CHECK (((recipient IS NULL) OR (fiat_account IS NULL))),
  constraint payout_place_check CHECK ((place >= 0)),
  constraint payout_reason_check CHECK ((reason ~ '^[a-z][a-z_]{0,62}$'::text)),
  constraint payout_received_check CHECK (((received >= (0)::numeric) AND (received = trunc(received)))),
  constraint payout_recipient_check CHECK ((length(recipient) = 20)),
  constraint payout_reference_check CHECK ((reference ~ '^[ -~]{1,140}$'::text)),
  constraint payout_says_what_arrived CHECK (((state = ANY (ARRAY['final'::text, 'returned'::text])) = (received IS NOT NULL))),
  constraint payout_says_where CHECK (((state = ANY (ARRAY['owed'::text, 'reserved'::text, 'failed'::text])) OR (reference IS NOT NULL))),
  constraint payout_says_why CHECK (((state = ANY (ARRAY['failed'::text, 'returned'::text])) = (reason IS NOT NULL))),
  constraint payout_state_check CHECK ((state = ANY (ARRAY['owed'::text, 'reserved'::text, 'signed'::text, 'broadcast'::text, 'included'::text, 'final'::text, 'failed'::text, 'unproven'::text, 'returned'::text])))
);
CREATE INDEX payout_final ON public.payout USING btree (ended_at DESC, id DESC) WHERE (state = 'final'::text);
CREATE INDEX payout_of_worker ON public.payout USING btree (worker, created_at DESC);
CREATE INDEX payout_open ON public.payout USING btree (batch) WHERE (state <> ALL (ARRAY['final'::text, 'failed'::text, 'returned'::text]));
CREATE TRIGGER payout_goes_its_way BEFORE DELETE OR UPDATE ON public.payout FOR EACH ROW EXECUTE FUNCTION payout_goes_its_way();
CREATE TRIGGER payout_is_noted AFTER UPDATE OF state ON public.payout FOR EACH ROW WHEN (((new.state <> old.state) AND (new.state = ANY (ARRAY['final'::text, 'failed'::text, 'returned'::text])))) EXECUTE FUNCTION payout_is_noted();
CREATE TRIGGER payouts_are_kept BEFORE TRUNCATE ON public.payout FOR EACH STATEMENT EXECUTE FUNCTION payout_is_kept();

create table payout_address_change (
  number bigint not null,
  worker text not null,
  nonce bigint not null,
  old_address bytea,
  new_address bytea not null,
  asked_by text not null,
  asked_at timestamp with time zone not null,
  effective_at timestamp with time zone not null,
  state text not null default 'waiting'::text,
  ended_at timestamp with time zone,
  constraint payout_address_change_pkey PRIMARY KEY (number),
  constraint payout_address_change_worker_nonce_key UNIQUE (worker, nonce),
  constraint payout_address_change_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint payout_address_change_asked_by_check CHECK ((asked_by = ANY (ARRAY['signatures'::text, 'operator'::text]))),
  constraint payout_address_change_changes CHECK ((new_address IS DISTINCT FROM old_address)),
  constraint payout_address_change_check CHECK ((effective_at >= asked_at)),
  constraint payout_address_change_ends CHECK (((state = 'waiting'::text) = (ended_at IS NULL))),
  constraint payout_address_change_new_address_check CHECK ((length(new_address) = 20)),
  constraint payout_address_change_nonce_check CHECK ((nonce > 0)),
  constraint payout_address_change_old_address_check CHECK ((length(old_address) = 20)),
  constraint payout_address_change_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'effective'::text, 'stopped'::text])))
);
CREATE UNIQUE INDEX payout_address_change_one_waits ON public.payout_address_change USING btree (worker) WHERE (state = 'waiting'::text);
CREATE TRIGGER address_change_end_is_noted AFTER UPDATE ON public.payout_address_change FOR EACH ROW WHEN ((new.state <> old.state)) EXECUTE FUNCTION address_change_is_noted();
CREATE TRIGGER address_change_is_noted AFTER INSERT ON public.payout_address_change FOR EACH ROW EXECUTE FUNCTION address_change_is_noted();
CREATE TRIGGER payout_address_change_stays BEFORE DELETE OR UPDATE ON public.payout_address_change FOR EACH ROW EXECUTE FUNCTION payout_address_change_stays();

create table payout_approval (
  digest bytea not null,
  approver text not null,
  at timestamp with time zone not null,
  constraint payout_approval_pkey PRIMARY KEY (digest, approver),
  constraint payout_approval_approver_fkey FOREIGN KEY (approver) REFERENCES payout_approver(name),
  constraint payout_approval_digest_fkey FOREIGN KEY (digest) REFERENCES payout_plan(digest)
);
CREATE TRIGGER payout_approval_is_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON public.payout_approval FOR EACH STATEMENT EXECUTE FUNCTION payout_is_kept();

create table payout_approver (
  name text not null,
  token_hash bytea not null,
  added_at timestamp with time zone not null,
  counts_from timestamp with time zone not null,
  removed_at timestamp with time zone,
  constraint payout_approver_pkey PRIMARY KEY (name),
  constraint payout_approver_token_hash_key UNIQUE (token_hash),
  constraint payout_approver_check CHECK ((counts_from >= added_at)),
  constraint payout_approver_name_check CHECK ((name ~ '^[A-Za-z0-9._-]{1,64}$'::text)),
  constraint payout_approver_token_hash_check CHECK ((length(token_hash) = 32))
);

create table payout_batch (
  id uuid not null,
  digest bytea not null,
  place integer not null,
  method text not null,
  asset text not null,
  token bytea,
  chain_id bigint,
  account bytea,
  intent text,
  created_at timestamp with time zone not null,
  exported_at timestamp with time zone,
  settled_at timestamp with time zone,
  constraint payout_batch_pkey PRIMARY KEY (id),
  constraint payout_batch_digest_place_key UNIQUE (digest, place),
  constraint payout_batch_digest_fkey FOREIGN KEY (digest) REFERENCES payout_plan(digest),
  constraint payout_batch_account_check CHECK ((length(account) = 20)),
  constraint payout_batch_asset_check CHECK ((asset ~ '^[A-Z][A-Z0-9]{0,11}$'::text)),
  constraint payout_batch_chain_id_check CHECK ((chain_id > 0)),
  constraint payout_batch_exported CHECK (((exported_at IS NULL) OR (method = 'fiat'::text))),
  constraint payout_batch_intent_check CHECK ((intent ~ '^[!-~]{1,200}$'::text)),
  constraint payout_batch_method_check CHECK ((method = ANY (ARRAY['eth'::text, 'erc20'::text, 'disperse_eth'::text, 'disperse_erc20'::text, 'fiat'::text, 'points'::text]))),
  constraint payout_batch_place_check CHECK ((place >= 0)),
  constraint payout_batch_sent CHECK ((((intent IS NULL) = (account IS NULL)) AND ((intent IS NULL) = (chain_id IS NULL)))),
  constraint payout_batch_token CHECK (((token IS NOT NULL) = (method = ANY (ARRAY['erc20'::text, 'disperse_erc20'::text])))),
  constraint payout_batch_token_check CHECK ((length(token) = 20))
);
CREATE INDEX payout_batch_open ON public.payout_batch USING btree (created_at) WHERE (settled_at IS NULL);

create table payout_line (
  payout uuid not null,
  owed_asset text not null,
  owed_amount numeric not null,
  rate_numerator numeric,
  rate_denominator numeric,
  rate_source text,
  rate_at timestamp with time zone,
  constraint payout_line_pkey PRIMARY KEY (payout, owed_asset),
  constraint payout_line_payout_fkey FOREIGN KEY (payout) REFERENCES payout(id),
  constraint payout_line_owed_amount_check CHECK (((owed_amount > (0)::numeric) AND (owed_amount = trunc(owed_amount)))),
  constraint payout_line_owed_asset_check CHECK ((owed_asset ~ '^[A-Z][A-Z0-9]{0,11}$'::text)),
  constraint payout_line_rate_denominator_check CHECK (((rate_denominator > (0)::numeric) AND (rate_denominator = trunc(rate_denominator)))),
  constraint payout_line_rate_is_whole CHECK ((((rate_numerator IS NULL) = (rate_denominator IS NULL)) AND ((rate_numerator IS NULL) = (rate_source IS NULL)) AND ((rate_numerator IS NULL) = (rate_at IS NULL)))),
  constraint payout_line_rate_numerator_check CHECK (((rate_numerator > (0)::numeric) AND (rate_numerator = trunc(rate_numerator)))),
  constraint payout_line_rate_source_check CHECK ((rate_source ~ '^[ -~]{1,200}$'::text))
);
CREATE TRIGGER payout_line_is_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON public.payout_line FOR EACH STATEMENT EXECUTE FUNCTION payout_is_kept();

create table payout_pause (
  number bigint not null,
  asset text,
  reason text not null,
  since timestamp with time zone not null,
  ended_at timestamp with time zone,
  constraint payout_pause_pkey PRIMARY KEY (number),
  constraint payout_pause_asset_check CHECK ((asset ~ '^[A-Z][A-Z0-9]{0,11}$'::text)),
  constraint payout_pause_reason_check CHECK ((reason ~ '^[a-z][a-z_]{0,62}$'::text))
);
CREATE UNIQUE INDEX payout_pause_open ON public.payout_pause USING btree (COALESCE(asset, ''::text), reason) WHERE (ended_at IS NULL);
CREATE TRIGGER payout_pause_end_is_noted AFTER UPDATE ON public.payout_pause FOR EACH ROW WHEN (((old.ended_at IS NULL) AND (new.ended_at IS NOT NULL))) EXECUTE FUNCTION payout_pause_is_noted();
CREATE TRIGGER payout_pause_is_noted AFTER INSERT ON public.payout_pause FOR EACH ROW EXECUTE FUNCTION payout_pause_is_noted();

create table payout_plan (
  digest bytea not null,
  plan text not null,
  previewed_at timestamp with time zone not null,
  run_at timestamp with time zone,
  run_by text,
  for_one boolean not null default false,
  waiting text[] not null default '{}'::text[],
  asked_by text,
  constraint payout_plan_pkey PRIMARY KEY (digest),
  constraint payout_plan_asked_by_fkey FOREIGN KEY (asked_by) REFERENCES worker(id),
  constraint payout_plan_check CHECK ((digest = sha256(convert_to(plan, 'UTF8'::name)))),
  constraint payout_plan_digest_check CHECK ((length(digest) = 32)),
  constraint payout_plan_was_run CHECK (((run_by IS NULL) OR (run_at IS NOT NULL)))
);
CREATE INDEX payout_plan_asked ON public.payout_plan USING btree (asked_by, previewed_at) WHERE (asked_by IS NOT NULL);

create table payout_preference (
  worker text not null,
  asset text,
  threshold numeric,
  fiat_account text,
  changed_at timestamp with time zone not null,
  constraint payout_preference_pkey PRIMARY KEY (worker),
  constraint payout_preference_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint payout_preference_asset_check CHECK ((asset ~ '^[A-Z][A-Z0-9]{0,11}$'::text)),
  constraint payout_preference_fiat_account_check CHECK ((fiat_account ~ '^[ -~]{1,140}$'::text)),
  constraint payout_preference_threshold_check CHECK (((threshold > (0)::numeric) AND (threshold = trunc(threshold)))),
  constraint payout_preference_threshold_has_an_asset CHECK (((threshold IS NULL) OR (asset IS NOT NULL)))
);

create table payout_rate (
  number bigint not null,
  owed_asset text not null,
  paid_asset text not null,
  numerator numeric not null,
  denominator numeric not null,
  note text not null,
  at timestamp with time zone not null,
  constraint payout_rate_pkey PRIMARY KEY (number),
  constraint payout_rate_denominator_check CHECK (((denominator > (0)::numeric) AND (denominator = trunc(denominator)))),
  constraint payout_rate_note_check CHECK ((note ~ '^[ -~]{1,160}$'::text)),
  constraint payout_rate_numerator_check CHECK (((numerator > (0)::numeric) AND (numerator = trunc(numerator)))),
  constraint payout_rate_owed_asset_check CHECK ((owed_asset ~ '^[A-Z][A-Z0-9]{0,11}$'::text)),
  constraint payout_rate_paid_asset_check CHECK ((paid_asset ~ '^[A-Z][A-Z0-9]{0,11}$'::text))
);
CREATE TRIGGER payout_rate_is_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON public.payout_rate FOR EACH STATEMENT EXECUTE FUNCTION payout_is_kept();

create table pool_online (
  node text not null,
  part integer not null,
  since timestamp with time zone not null,
  until timestamp with time zone not null,
  constraint pool_online_pkey PRIMARY KEY (node, part),
  constraint pool_online_check CHECK ((until >= since)),
  constraint pool_online_node_check CHECK ((node ~ '^[!-~]{1,80}$'::text)),
  constraint pool_online_part_check CHECK ((part > 0))
);
CREATE INDEX pool_online_since ON public.pool_online USING btree (since);

create table posting (
  number bigint not null,
  cause text not null,
  kind text not null,
  at timestamp with time zone not null,
  epoch bigint,
  facts jsonb not null default '{}'::jsonb,
  txid xid8 not null default pg_current_xact_id(),
  constraint posting_pkey PRIMARY KEY (number),
  constraint posting_cause_key UNIQUE (cause),
  constraint posting_epoch_fkey FOREIGN KEY (epoch) REFERENCES epoch(number),
  constraint posting_cause_check CHECK ((cause ~ '^[!-~]{1,200}$'::text)),
  constraint posting_facts_check CHECK ((jsonb_typeof(facts) = 'object'::text)),
  constraint posting_kind_check CHECK ((kind ~ '^[a-z][a-z_]{0,62}$'::text)),
  constraint posting_balances TRIGGER DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX posting_at ON public.posting USING brin (at) WITH (pages_per_range='32');
CREATE INDEX posting_of_epoch ON public.posting USING btree (epoch, number);
CREATE INDEX posting_of_kind ON public.posting USING btree (kind, number);
CREATE INDEX posting_recovered ON public.posting USING btree (number) WHERE (cause ~~ 'recovered:0x%'::text);
CREATE CONSTRAINT TRIGGER posting_balances AFTER INSERT ON public.posting DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION posting_balances();
CREATE TRIGGER posting_in_turn BEFORE INSERT ON public.posting FOR EACH STATEMENT EXECUTE FUNCTION posting_in_turn();
CREATE TRIGGER posting_is_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.posting FOR EACH STATEMENT EXECUTE FUNCTION posting_is_final();

create table receipt (
  worker text not null,
  sequence bigint not null,
  epoch bigint not null,
  contribution uuid not null,
  body bytea not null,
  txid xid8 not null default pg_current_xact_id(),
  number bigint not null,
  constraint receipt_pkey PRIMARY KEY (worker, sequence),
  constraint receipt_contribution_key UNIQUE (contribution),
  constraint receipt_worker_epoch_fkey FOREIGN KEY (worker, epoch) REFERENCES worker_epoch(worker, epoch),
  constraint receipt_sequence_check CHECK ((sequence > 0))
);
CREATE INDEX receipt_in_order ON public.receipt USING btree (txid, number);
CREATE TRIGGER receipt_is_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.receipt FOR EACH STATEMENT EXECUTE FUNCTION receipt_is_final();

create table receipt_home (
  number bigint not null,
  cluster text not null,
  after_receipt bigint not null,
  since timestamp with time zone not null default now(),
  constraint receipt_home_pkey PRIMARY KEY (number),
  constraint receipt_home_after_receipt_check CHECK ((after_receipt >= 0)),
  constraint receipt_home_number_check CHECK ((number > 0))
);
CREATE TRIGGER receipt_home_is_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.receipt_home FOR EACH STATEMENT EXECUTE FUNCTION receipt_home_is_final();

create table recovery (
  number bigint not null,
  at timestamp with time zone not null default now(),
  home bigint not null,
  constraint recovery_pkey PRIMARY KEY (number),
  constraint recovery_home_fkey FOREIGN KEY (home) REFERENCES receipt_home(number)
);

create table redemption_unmeasured (
  transaction bytea not null,
  block bigint,
  constraint redemption_unmeasured_pkey PRIMARY KEY (transaction),
  constraint redemption_unmeasured_block_check CHECK ((block >= 0)),
  constraint redemption_unmeasured_transaction_check CHECK ((length(transaction) = 32))
);

create table refund (
  id text not null,
  worker text,
  asset text not null,
  amount numeric not null,
  reason text,
  at timestamp with time zone not null,
  posting bigint not null,
  constraint refund_pkey PRIMARY KEY (id),
  constraint refund_posting_key UNIQUE (posting),
  constraint refund_posting_fkey FOREIGN KEY (posting) REFERENCES posting(number),
  constraint refund_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint refund_amount_check CHECK (((amount > (0)::numeric) AND (amount = trunc(amount)))),
  constraint refund_asset_check CHECK ((asset ~ '^[A-Z][A-Z0-9]{0,11}$'::text)),
  constraint refund_id_check CHECK ((id ~ '^[A-Za-z0-9._-]{1,80}$'::text)),
  constraint refund_reason_check CHECK ((length(reason) <= 500))
);
CREATE TRIGGER refund_is_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.refund FOR EACH STATEMENT EXECUTE FUNCTION said_once();

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

create table set_price (
  gateway bytea not null,
  capability text not null,
  price text not null,
  set_at timestamp with time zone not null default now(),
  constraint set_price_pkey PRIMARY KEY (gateway, capability),
  constraint set_price_gateway_check CHECK ((length(gateway) = ANY (ARRAY[0, 20])))
);

create table terms_version (
  version integer not null,
  starts_at_epoch bigint not null,
  published_at timestamp with time zone not null,
  digest bytea not null,
  file text not null,
  constraint terms_version_pkey PRIMARY KEY (version),
  constraint terms_version_digest_check CHECK ((length(digest) = 32)),
  constraint terms_version_file_check CHECK ((length(file) <= 1048576)),
  constraint terms_version_starts_at_epoch_check CHECK ((starts_at_epoch > 0)),
  constraint terms_version_version_check CHECK ((version > 0))
);
CREATE INDEX terms_version_starts ON public.terms_version USING btree (starts_at_epoch);
CREATE TRIGGER terms_are_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.terms_version FOR EACH STATEMENT EXECUTE FUNCTION terms_are_final();
CREATE TRIGGER terms_are_noted AFTER INSERT ON public.terms_version FOR EACH ROW EXECUTE FUNCTION terms_are_noted();
CREATE TRIGGER terms_come_in_time BEFORE INSERT ON public.terms_version FOR EACH ROW EXECUTE FUNCTION terms_come_in_time();

create table ticket_nonces (
  rand_hash bytea not null,
  expiration_block numeric not null,
  nonces bigint[] not null default '{}'::bigint[],
  constraint ticket_nonces_pkey PRIMARY KEY (rand_hash),
  constraint ticket_nonces_expiration_block_check CHECK ((expiration_block >= (0)::numeric)),
  constraint ticket_nonces_nonces_check CHECK ((cardinality(nonces) <= 600)),
  constraint ticket_nonces_rand_hash_check CHECK ((length(rand_hash) = 32))
);
CREATE INDEX ticket_nonces_expiration ON public.ticket_nonces USING btree (expiration_block);

create table ticket_rand_secret (
  version integer not null,
  sealed bytea not null,
  created_at timestamp with time zone not null default now(),
  retired_at timestamp with time zone,
  constraint ticket_rand_secret_pkey PRIMARY KEY (version),
  constraint ticket_rand_secret_sealed_check CHECK ((length(sealed) = 60)),
  constraint ticket_rand_secret_version_check CHECK ((version > 0))
);

create table used_nonce (
  nonce text not null,
  expires_at timestamp with time zone not null,
  constraint used_nonce_pkey PRIMARY KEY (nonce),
  constraint used_nonce_nonce_check CHECK ((nonce ~ '^[A-Za-z0-9]{16,96}$'::text))
);

create table winning_ticket (
  hash bytea not null,
  sender bytea not null,
  recipient bytea not null,
  face_value numeric not null,
  win_prob numeric not null,
  nonce bigint not null,
  rand_hash bytea not null,
  creation_round bigint not null,
  creation_round_block_hash bytea not null,
  sig bytea not null,
  recipient_rand bytea not null,
  expiration_block numeric not null,
  won_at timestamp with time zone not null default now(),
  state text not null default 'queued'::text,
  reason text,
  retry_at_block bigint,
  transaction bytea,
  paid numeric,
  settled_at timestamp with time zone,
  redeemer bytea,
  intent text,
  tries integer not null default 0,
  seen_in bytea,
  constraint winning_ticket_pkey PRIMARY KEY (hash),
  constraint winning_ticket_check CHECK (((paid >= (0)::numeric) AND (paid <= face_value) AND (paid = trunc(paid)))),
  constraint winning_ticket_creation_round_block_hash_check CHECK ((length(creation_round_block_hash) = 32)),
  constraint winning_ticket_expiration_block_check CHECK ((expiration_block >= (0)::numeric)),
  constraint winning_ticket_face_value_check CHECK (((face_value >= (0)::numeric) AND (face_value < ((2)::numeric ^ (256)::numeric)))),
  constraint winning_ticket_hash_check CHECK ((length(hash) = 32)),
  constraint winning_ticket_intent CHECK (((redeemer IS NULL) = (intent IS NULL))),
  constraint winning_ticket_intent_check CHECK ((intent ~ '^[!-~]{1,200}$'::text)),
  constraint winning_ticket_nonce_check CHECK (((nonce >= 0) AND (nonce <= '4294967295'::bigint))),
  constraint winning_ticket_rand_hash_check CHECK ((length(rand_hash) = 32)),
  constraint winning_ticket_recipient_check CHECK ((length(recipient) = 20)),
  constraint winning_ticket_recipient_rand_check CHECK ((length(recipient_rand) = 32)),
  constraint winning_ticket_redeemer_check CHECK ((length(redeemer) = 20)),
  constraint winning_ticket_seen_in_check CHECK ((length(seen_in) = 32)),
  constraint winning_ticket_sender_check CHECK ((length(sender) = 20)),
  constraint winning_ticket_sig_check CHECK ((length(sig) = 65)),
  constraint winning_ticket_state CHECK (
CASE state
    WHEN 'redeemed'::text THEN ((paid IS NOT NULL) AND (transaction IS NOT NULL) AND (settled_at IS NOT NULL))
    WHEN 'written_off'::text THEN ((reason IS NOT NULL) AND (paid IS NULL) AND (settled_at IS NOT NULL))
    ELSE ((paid IS NULL) AND (settled_at IS NULL))
END),
  constraint winning_ticket_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'redeeming'::text, 'redeemed'::text, 'written_off'::text]))),
  constraint winning_ticket_transaction_check CHECK ((length(transaction) = 32)),
  constraint winning_ticket_tries_check CHECK ((tries >= 0)),
  constraint winning_ticket_win_prob_check CHECK (((win_prob >= (0)::numeric) AND (win_prob < ((2)::numeric ^ (256)::numeric))))
);
CREATE INDEX winning_ticket_open ON public.winning_ticket USING btree (sender) WHERE (state = ANY (ARRAY['queued'::text, 'redeeming'::text]));
CREATE INDEX winning_ticket_rand ON public.winning_ticket USING btree (rand_hash) WHERE (state = ANY (ARRAY['queued'::text, 'redeeming'::text]));
CREATE TRIGGER ticket_is_for_the_books AFTER INSERT OR UPDATE ON public.winning_ticket FOR EACH ROW EXECUTE FUNCTION ticket_is_for_the_books();
CREATE TRIGGER winning_ticket_is_kept BEFORE DELETE OR UPDATE ON public.winning_ticket FOR EACH ROW EXECUTE FUNCTION winning_ticket_is_kept();
CREATE TRIGGER winning_tickets_are_kept BEFORE TRUNCATE ON public.winning_ticket FOR EACH STATEMENT EXECUTE FUNCTION winning_ticket_is_kept();

create table work_day (
  day date not null,
  worker text not null,
  jobs bigint not null,
  pixels numeric not null,
  p50_ms integer,
  p95_ms integer,
  failures jsonb not null default '{}'::jsonb,
  constraint work_day_pkey PRIMARY KEY (worker, day),
  constraint work_day_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id)
);
CREATE INDEX work_day_of_day ON public.work_day USING btree (day);

create table work_hour (
  hour timestamp with time zone not null,
  worker text not null,
  jobs bigint not null,
  pixels numeric not null,
  p50_ms integer,
  p95_ms integer,
  failures jsonb not null default '{}'::jsonb,
  constraint work_hour_pkey PRIMARY KEY (worker, hour),
  constraint work_hour_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id)
);
CREATE INDEX work_hour_of_hour ON public.work_hour USING btree (hour);

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

create table worker_earned_hour (
  hour timestamp with time zone not null,
  worker text not null,
  asset text not null,
  amount numeric not null,
  constraint worker_earned_hour_pkey PRIMARY KEY (worker, hour, asset),
  constraint worker_earned_hour_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint worker_earned_hour_amount_check CHECK (((amount >= (0)::numeric) AND (amount = trunc(amount)))),
  constraint worker_earned_hour_asset_check CHECK ((asset ~ '^[A-Z][A-Z0-9]{0,11}$'::text))
);
CREATE INDEX worker_earned_hour_of_hour ON public.worker_earned_hour USING btree (hour);

create table worker_earned_until (
  worker text not null,
  sequence bigint not null,
  constraint worker_earned_until_pkey PRIMARY KEY (worker),
  constraint worker_earned_until_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint worker_earned_until_sequence_check CHECK ((sequence > 0))
);

create table worker_epoch (
  worker text not null,
  epoch bigint not null,
  jobs bigint not null default 0,
  units numeric not null default 0,
  source_ms bigint not null default 0,
  device_ms bigint not null default 0,
  failed_attempts bigint not null default 0,
  asset text,
  amount numeric not null default 0,
  sequence_before bigint not null,
  last_sequence bigint not null,
  last_receipt_hash bytea not null,
  constraint worker_epoch_pkey PRIMARY KEY (worker, epoch),
  constraint worker_epoch_epoch_fkey FOREIGN KEY (epoch) REFERENCES epoch(number),
  constraint worker_epoch_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint worker_epoch_amount_check CHECK ((amount = trunc(amount))),
  constraint worker_epoch_amount_has_an_asset CHECK (((amount = (0)::numeric) OR (asset IS NOT NULL))),
  constraint worker_epoch_asset_check CHECK ((asset ~ '^[A-Z][A-Z0-9]{0,11}$'::text)),
  constraint worker_epoch_has_no_gap CHECK ((last_sequence = (sequence_before + jobs))),
  constraint worker_epoch_last_receipt_hash_check CHECK ((length(last_receipt_hash) = 32)),
  constraint worker_epoch_sequence_before_check CHECK ((sequence_before >= 0))
);
CREATE INDEX worker_epoch_of_epoch ON public.worker_epoch USING btree (epoch, worker);
CREATE TRIGGER worker_epoch_only_grows BEFORE DELETE OR UPDATE ON public.worker_epoch FOR EACH ROW EXECUTE FUNCTION worker_epoch_only_grows();
CREATE TRIGGER worker_epochs_are_kept BEFORE TRUNCATE ON public.worker_epoch FOR EACH STATEMENT EXECUTE FUNCTION worker_epoch_only_grows();

create table worker_fact (
  id bigint not null,
  worker text not null,
  kind text not null,
  value text,
  at timestamp with time zone not null,
  constraint worker_fact_pkey PRIMARY KEY (id),
  constraint worker_fact_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint worker_fact_kind_check CHECK ((kind = ANY (ARRAY['hardware_class'::text, 'region'::text, 'promise'::text]))),
  constraint worker_fact_value_check CHECK ((value ~ '^[^[:cntrl:]]{1,64}$'::text))
);
CREATE INDEX worker_fact_of_worker ON public.worker_fact USING btree (worker, kind, id);
CREATE TRIGGER worker_fact_is_final BEFORE DELETE OR UPDATE OR TRUNCATE ON public.worker_fact FOR EACH STATEMENT EXECUTE FUNCTION said_once();

create table worker_first_online (
  worker text not null,
  at timestamp with time zone not null,
  constraint worker_first_online_pkey PRIMARY KEY (worker),
  constraint worker_first_online_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id)
);

create table worker_machine (
  connection text not null,
  worker text not null,
  software text not null,
  version text,
  capacity integer not null,
  bits text not null,
  distance_ms integer not null,
  device jsonb,
  joined_at timestamp with time zone not null,
  left_at timestamp with time zone,
  left_because text,
  constraint worker_machine_pkey PRIMARY KEY (connection),
  constraint worker_machine_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint worker_machine_bits_check CHECK ((bits ~ '^[0-9a-f]{1,64}$'::text)),
  constraint worker_machine_capacity_check CHECK ((capacity > 0)),
  constraint worker_machine_connection_check CHECK ((connection ~ '^[!-~]{1,80}$'::text)),
  constraint worker_machine_device_check CHECK ((jsonb_typeof(device) = 'object'::text)),
  constraint worker_machine_distance_ms_check CHECK ((distance_ms >= 0)),
  constraint worker_machine_left_because_check CHECK ((left_because ~ '^[a-z][a-z_]{0,30}$'::text)),
  constraint worker_machine_software_check CHECK ((software = ANY (ARRAY['tributary'::text, 'stock'::text]))),
  constraint worker_machine_version_check CHECK ((length(version) <= 64))
);
CREATE INDEX worker_machine_of_worker ON public.worker_machine USING btree (worker, joined_at);

create table worker_online (
  connection text not null,
  part integer not null,
  worker text not null,
  since timestamp with time zone not null,
  until timestamp with time zone not null,
  constraint worker_online_pkey PRIMARY KEY (connection, part),
  constraint worker_online_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint worker_online_check CHECK ((until >= since)),
  constraint worker_online_connection_check CHECK ((connection ~ '^[!-~]{1,80}$'::text)),
  constraint worker_online_part_check CHECK ((part > 0))
);
CREATE INDEX worker_online_of_worker ON public.worker_online USING btree (worker, since);
CREATE INDEX worker_online_since ON public.worker_online USING btree (since, worker);

create table worker_online_day (
  day date not null,
  worker text not null,
  online_ms bigint not null,
  constraint worker_online_day_pkey PRIMARY KEY (worker, day),
  constraint worker_online_day_worker_fkey FOREIGN KEY (worker) REFERENCES worker(id),
  constraint worker_online_day_online_ms_check CHECK (((online_ms >= 0) AND (online_ms <= 86400000)))
);

CREATE OR REPLACE FUNCTION public.account_balance_follows_entries()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op in ('DELETE', 'TRUNCATE') or pg_trigger_depth() < 2 then
    raise exception 'balances change by entries only' using errcode = '55000';
  end if;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.address_change_is_noted()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform note_event('address:' || new.worker || ':' || new.nonce || ':' || new.state, 'address',
    new.worker, coalesce(new.ended_at, new.asked_at),
    jsonb_build_object('state', new.state, 'old', '0x' || encode(new.old_address, 'hex'),
      'new', '0x' || encode(new.new_address, 'hex'), 'askedBy', new.asked_by,
      'effectiveAt', extract(epoch from new.effective_at) * 1000));
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.audit_log_stays()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op = 'UPDATE' and old.outcome is null and new.outcome is not null
    and (new.number, new.at, new.actor_kind, new.actor_id, new.actor_name, new.route, new.asked)
      is not distinct from
      (old.number, old.at, old.actor_kind, old.actor_id, old.actor_name, old.route, old.asked)
  then
    return new;
  end if;
  raise exception 'the audit log stays as it is' using errcode = '55000';
end
$function$;

CREATE OR REPLACE FUNCTION public.chain_intent_stays_settled()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if old.state in ('final', 'failed') then
    raise exception 'what was settled on chain does not change' using errcode = '55000';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION public.chain_transaction_is_final()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'signed bytes are kept as they are' using errcode = '55000';
end
$function$;

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

CREATE OR REPLACE FUNCTION public.dispute_event_follows()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  last record;
begin
  perform pg_advisory_xact_lock(hashtextextended('tributary disputes', 0));
  select sequence, encode(hash, 'hex') as hash into last
    from dispute_event order by sequence desc limit 1;
  if new.sequence <> coalesce(last.sequence, 0) + 1
    or (new.record::jsonb ->> 'sequence')::bigint <> new.sequence
    or new.record::jsonb ->> 'dispute' <> new.dispute
    or new.record::jsonb ->> 'previous' <> coalesce(last.hash, repeat('0', 64)) then
    raise exception 'an event follows the last one of the log' using errcode = '23514';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION public.dispute_event_is_noted()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  record jsonb := new.record::jsonb;
begin
  perform note_event('dispute:' || new.sequence, 'dispute',
    (select d.worker from dispute d where d.id = new.dispute),
    'epoch'::timestamptz + (record ->> 'at')::double precision * interval '1 millisecond',
    jsonb_build_object('dispute', new.dispute, 'event', record -> 'event', 'by', record -> 'by',
      'outcome', record -> 'outcome', 'award', new.content::jsonb -> 'award',
      'deadline', record -> 'deadline'));
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.dispute_is_kept()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'disputes are appended, never changed' using errcode = '55000';
end
$function$;

CREATE OR REPLACE FUNCTION public.entries_sum_to_zero()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if exists (select from added group by posting, asset having sum(amount) <> 0) then
    raise exception 'the entries of a posting do not sum to zero' using errcode = '23514';
  end if;
  if exists (select from added join posting p on p.number = added.posting
      where p.txid <> pg_current_xact_id()) then
    raise exception 'a posting is complete when it is committed' using errcode = '55000';
  end if;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.entry_moves_the_balance()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into account_balance as held (account, asset, balance, entries)
    values (new.account, new.asset, new.amount, 1)
  on conflict (account, asset) do update
    set balance = held.balance + excluded.balance, entries = held.entries + 1
  returning held.balance into new.balance;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION public.epoch_goes_on()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op = 'UPDATE' then
    if (old.state, new.state) in (('open', 'closing'), ('closing', 'closed'))
      and (new.number, new.opened_at, new.terms_version)
        = (old.number, old.opened_at, old.terms_version)
      and new.ended_at is not distinct from coalesce(old.ended_at, new.ended_at) then
      return new;
    end if;
  end if;
  raise exception 'an epoch goes from open to closing to closed, and stays' using errcode = '55000';
end
$function$;

CREATE OR REPLACE FUNCTION public.epoch_has_its_terms()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if exists (
    select from terms_version
    where starts_at_epoch <= new.number and version > new.terms_version
  ) then
    raise exception 'newer terms settle epoch %', new.number
      using errcode = '23514', constraint = 'epoch_has_its_terms';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION public.epoch_result_is_final()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'what an epoch came to is written once' using errcode = '55000';
end
$function$;

CREATE OR REPLACE FUNCTION public.gas_is_for_the_books()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into book_event (kind, subject) values ('gas', new.hash);
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.history_only_grows()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION public.incident_is_noted()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  word text := case when tg_op = 'INSERT' then 'opened' else 'closed' end;
begin
  perform note_event('incident:' || new.id || ':' || word, 'incident', null,
    case when tg_op = 'INSERT' then new.opened_at else new.closed_at end,
    jsonb_build_object('incident', new.id::text, 'what', word));
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.intent_is_for_the_books()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into book_event (kind, subject) values ('intent', new.hash);
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.note_event(key text, source text, worker text, at timestamp with time zone, facts jsonb)
 RETURNS void
 LANGUAGE sql
AS $function$
  insert into notice_event (key, source, worker, at, facts)
  values (key, source, worker, at, jsonb_strip_nulls(facts)) on conflict do nothing
$function$;

CREATE OR REPLACE FUNCTION public.note_receipt_home()
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION public.notice_delivery_has_type()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  new.type := (select c.type from notice_channel c where c.id = new.channel);
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION public.online_ms(starts timestamp with time zone, ends timestamp with time zone)
 RETURNS TABLE(worker text, online_ms bigint)
 LANGUAGE sql
 STABLE
AS $function$
  select worker, (extract(epoch from sum(upper(stretch) - lower(stretch))) * 1000)::bigint
  from (
    select worker, unnest(range_agg(tstzrange(greatest(since, starts), least(until, ends)))) as stretch
    from worker_online
    where starts < ends and since >= starts - interval '25 hours' and since < ends and until > starts
    group by worker) as stretches
  group by worker
$function$;

CREATE OR REPLACE FUNCTION public.payout_address_change_stays()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op = 'UPDATE' and old.state = 'waiting' and (new.worker, new.nonce, new.new_address,
      new.asked_by, new.asked_at, new.effective_at) = (old.worker, old.nonce, old.new_address,
      old.asked_by, old.asked_at, old.effective_at)
      and new.old_address is not distinct from old.old_address then
    return new;
  end if;
  raise exception 'a change of address is kept as it was' using errcode = '55000';
end
$function$;

CREATE OR REPLACE FUNCTION public.payout_goes_its_way()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op <> 'UPDATE' then
    raise exception 'payouts are kept' using errcode = '55000';
  end if;
  if (new.id, new.batch, new.place, new.worker, new.asset, new.amount, new.created_at)
      is distinct from
      (old.id, old.batch, old.place, old.worker, old.asset, old.amount, old.created_at)
      or (new.recipient, new.fiat_account) is distinct from (old.recipient, old.fiat_account) then
    raise exception 'what a payout is for does not change' using errcode = '55000';
  end if;
  if new.state = old.state and old.ended_at is null then return new; end if;
  -- In parentheses: the word that ends the condition stands within it, too.
  if (case old.state
      when 'owed' then new.state in ('reserved', 'failed')
      when 'final' then new.state = 'returned' and new.received = old.received
        and new.reference = old.reference
      when 'failed' then false
      when 'returned' then false
      when 'unproven' then new.state in ('final', 'failed')
      else new.state <> 'owed' and new.state <> 'returned'
    end) then
    return new;
  end if;
  raise exception 'a payout does not go from % to %', old.state, new.state using errcode = '55000';
end
$function$;

CREATE OR REPLACE FUNCTION public.payout_is_kept()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'payouts are kept as they are' using errcode = '55000';
end
$function$;

CREATE OR REPLACE FUNCTION public.payout_is_noted()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform note_event('payout:' || new.id || ':' || new.state, 'payout', new.worker,
    coalesce(new.ended_at, new.created_at),
    jsonb_build_object('state', new.state, 'asset', new.asset, 'amount', new.amount::text,
      'reason', new.reason, 'reference', new.reference));
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.payout_pause_is_noted()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  word text := case when new.ended_at is null then 'pause' else 'resume' end;
begin
  perform note_event(word || ':' || new.number, word, null, coalesce(new.ended_at, new.since),
    jsonb_build_object('asset', new.asset, 'reason', new.reason,
      'since', extract(epoch from new.since) * 1000));
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.posting_balances()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if not exists (select from entry where posting = new.number) then
    raise exception 'a posting without entries' using errcode = '23514';
  end if;
  if exists (select from entry where posting = new.number group by asset having sum(amount) <> 0) then
    raise exception 'the entries of a posting do not sum to zero' using errcode = '23514';
  end if;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.posting_in_turn()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform pg_advisory_xact_lock(hashtextextended('tributary ledger', 0));
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.posting_is_final()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'what is posted stays; a correction is another posting' using errcode = '55000';
end
$function$;

CREATE OR REPLACE FUNCTION public.receipt_heads(workers text[])
 RETURNS TABLE(worker text, epoch bigint, terms_version integer, units numeric, asset text, amount numeric, last_sequence bigint, last_receipt_hash bytea)
 LANGUAGE plpgsql
AS $function$
declare
  current record;
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('tributary epoch', 0));
  select e.number, e.terms_version into strict current from epoch e where e.state = 'open';
  insert into worker_epoch as made
    (worker, epoch, sequence_before, last_sequence, last_receipt_hash)
  select wanted, current.number, coalesce(head.last_sequence, 0), coalesce(head.last_sequence, 0),
    coalesce(head.last_receipt_hash, decode(repeat('00', 32), 'hex'))
  from unnest(workers) as wanted
  left join lateral (
    select w.last_sequence, w.last_receipt_hash from worker_epoch w
    where w.worker = wanted order by w.epoch desc limit 1) as head on true
  where not exists (
    select from worker_epoch w where w.worker = wanted and w.epoch = current.number)
  order by wanted
  on conflict do nothing;
  return query
    select w.worker, w.epoch, current.terms_version, w.units, w.asset, w.amount,
      w.last_sequence, w.last_receipt_hash
    from worker_epoch w where w.epoch = current.number and w.worker = any(workers)
    order by w.worker for update;
end
$function$;

CREATE OR REPLACE FUNCTION public.receipt_home_is_final()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'where receipts came into being does not change' using errcode = '55000';
end
$function$;

CREATE OR REPLACE FUNCTION public.receipt_is_final()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'receipts are appended, never changed' using errcode = '55000';
end
$function$;

CREATE OR REPLACE FUNCTION public.rejected_is_a_failed_check()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  -- The epoch stays open until this is committed, as for the receipts.
  perform pg_advisory_xact_lock_shared(hashtextextended('tributary epoch', 0));
  insert into failed_check (worker, epoch, at, contribution, reason)
    select new.worker, number, new.at, new.id, new.reason from epoch where state = 'open';
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.said_once()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'what workers are paid by is added to, never changed' using errcode = '55000';
end
$function$;

CREATE OR REPLACE FUNCTION public.secret_changed()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform pg_notify('secret_changed', new.purpose);
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.terms_are_final()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'published terms stay as they are' using errcode = '55000';
end
$function$;

CREATE OR REPLACE FUNCTION public.terms_are_noted()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform note_event('terms:' || new.version, 'terms', null, new.published_at,
    jsonb_build_object('version', new.version, 'epoch', new.starts_at_epoch::text));
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.terms_come_in_time()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform pg_advisory_xact_lock_shared(hashtextextended('tributary epoch', 0));
  if new.version <> (select coalesce(max(version), 0) + 1 from terms_version) then
    raise exception 'terms are numbered without a gap'
      using errcode = '23514', constraint = 'terms_version_follows';
  end if;
  if new.starts_at_epoch <= (select coalesce(max(number), 0) from epoch) then
    raise exception 'terms settle epochs that have not begun'
      using errcode = '23514', constraint = 'terms_version_in_time';
  end if;
  return new;
end
$function$;

CREATE OR REPLACE FUNCTION public.ticket_is_for_the_books()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op = 'INSERT' then
    insert into book_event (kind, subject) values ('ticket_won', new.hash);
  elsif new.state in ('redeemed', 'written_off') and old.state <> new.state then
    insert into book_event (kind, subject) values ('ticket_' || new.state, new.hash);
  end if;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION public.unsigned_of(bytes bytea)
 RETURNS numeric
 LANGUAGE sql
 IMMUTABLE STRICT
AS $function$
  select case when n < 0 then n + 18446744073709551616 else n end
  from (select ('x' || encode(bytes, 'hex'))::bit(64)::bigint::numeric as n) as read
$function$;

CREATE OR REPLACE FUNCTION public.winning_ticket_is_kept()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op <> 'UPDATE' then
    raise exception 'winning tickets are kept' using errcode = '55000';
  end if;
  if old.state in ('redeemed', 'written_off') then
    raise exception 'this ticket is settled' using errcode = '55000';
  end if;
  return new;
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

CREATE OR REPLACE FUNCTION public.worker_epoch_only_grows()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op = 'UPDATE' then
    if (new.worker, new.epoch, new.sequence_before)
        = (old.worker, old.epoch, old.sequence_before)
      and new.jobs >= old.jobs and new.units >= old.units and new.source_ms >= old.source_ms
      and new.device_ms >= old.device_ms and new.failed_attempts >= old.failed_attempts
      and new.amount >= old.amount and (old.asset is null or new.asset = old.asset)
      and exists (select from epoch where number = new.epoch and state = 'open') then
      return new;
    end if;
  end if;
  raise exception 'totals of an epoch only grow, and only while it is open' using errcode = '55000';
end
$function$;

CREATE OR REPLACE FUNCTION public.wrong_balances()
 RETURNS TABLE(account text, asset text, balance numeric, entries_sum numeric)
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(held.account, summed.account), coalesce(held.asset, summed.asset),
    coalesce(held.balance, 0), coalesce(summed.amount, 0)
  from account_balance held
  full join (select e.account, e.asset, sum(e.amount) as amount, count(*) as entries
    from entry e group by e.account, e.asset) as summed
    on (held.account, held.asset) = (summed.account, summed.asset)
  where held.balance is distinct from summed.amount or held.entries is distinct from summed.entries
$function$;
