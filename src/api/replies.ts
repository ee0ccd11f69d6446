import { type ErrorCode, errorAdvice, TributaryError } from '../base/errors.ts';
import { AWAY_SECONDS, type Problem, Refusal } from './problem.ts';

/** The status of each error that a request to the API can cause; everything else is our fault. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  setting_invalid: 400,
  pool_unknown: 404,
  worker_unknown: 404,
  worker_name_taken: 409,
  worker_name_invalid: 400,
  worker_away: 409,
  worker_revoked: 409,
  worker_secrets_full: 409,
  payout_address_invalid: 400,
  admin_unauthorized: 401,
  fact_invalid: 400,
  evidence_unknown: 404,
  refund_id_invalid: 400,
  refund_amount_invalid: 400,
  refund_known: 409,
  incident_unknown: 404,
  incident_closed: 409,
  incident_invalid: 400,
  price_not_set: 404,
  price_feed_failed: 409,
  epoch_unknown: 404,
  epoch_open: 409,
  epoch_closing: 409,
  chain_off: 409,
  chain_paused: 409,
  chain_round_not_initialized: 409,
  chain_round_initialized: 409,
  chain_round_locked: 409,
  chain_not_registered: 409,
  chain_not_active: 409,
  chain_nothing_to_do: 409,
  chain_amount_wrong: 409,
  chain_funds_short: 409,
  chain_lock_unknown: 409,
  chain_lock_waiting: 409,
  chain_reward_called: 409,
  chain_reward_first: 409,
  chain_stake_pending: 409,
  chain_service_uri_invalid: 400,
  chain_address_invalid: 400,
  chain_vote_closed: 409,
  chain_unsupported: 409,
  chain_key_missing: 409,
  chain_busy: 409,
  chain_would_fail: 409,
  chain_submission_unknown: 404,
  chain_unseen: 503,
  rpc_unavailable: 503,
  rpc_refused: 502,
  terms_invalid: 400,
  terms_unknown: 404,
  terms_late: 409,
  terms_unchanged: 409,
  payout_plan_unknown: 404,
  payout_plan_run: 409,
  payout_plan_changed: 409,
  payout_not_approved: 409,
  payout_approver_unknown: 401,
  payout_unknown: 404,
  payout_state_wrong: 409,
  payout_file_wrong: 400,
  payout_choice_refused: 400,
  payout_ask_refused: 409,
  payout_address_refused: 409,
  funding_refused: 409,
  correction_refused: 409,
  operator_unknown: 404,
  operator_refused: 409,
  dispute_invalid: 400,
  dispute_refused: 409,
  dispute_unknown: 404,
  notice_channel_invalid: 400,
  notice_channel_unknown: 404,
  notice_channel_refused: 409,
  notice_unknown: 404,
  database_unreachable: 503,
  database_failed: 503,
};

/** Says what kind of refusal it is; `detail` says what it was this time. */
const TITLES: Readonly<Record<number, string>> = {
  400: 'The request is not one that can be handled.',
  401: 'This was not shown to be allowed.',
  404: 'There is no such thing.',
  409: 'This cannot be done as things are.',
  502: 'Somebody else refused this.',
  503: 'This cannot be done at the moment.',
};

/** Turns what was thrown into a problem. From 500 on it is our fault, and nothing is told of it. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Refusal) return error.problem;
  const code = error instanceof TributaryError ? error.code : 'internal';
  const status = STATUS[code] ?? 500;
  const advice = errorAdvice[code];
  if (!(error instanceof TributaryError) || status === 500) {
    return { status: 500, code, title: 'The request could not be handled.', advice };
  }
  const title = TITLES[status] ?? 'Refused.';
  const problem = { status, code, title, detail: error.message, advice };
  return status === 503 ? { ...problem, retryAfter: AWAY_SECONDS } : problem;
}

/** JSON in which bigints are decimal strings, so that no amount passes through a float. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, (_, inner) =>
    typeof inner === 'bigint' ? inner.toString() : inner,
  );
  return `${text}\n`;
}
