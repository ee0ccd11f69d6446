/**
 * Every code that a thrown {@link TributaryError} can carry, with the one sentence that tells the
 * reader what to do. Printed to the user and into docs/reference/errors.md.
 */
export const errorAdvice = {
  setting_invalid: 'Correct the named option, environment variable or config-file key.',
  setting_missing:
    'Give what is named; `--help` after the command says all that it takes, also from variables and the config file.',
  pool_unknown: 'Look for it in the list of this directory.',
  command_unknown: 'Run `tributary help` for the list of commands.',
  database_unreachable: 'Check that PostgreSQL runs and that --database-url names it.',
  database_failed: 'Look at the cause; nothing was written. Retry once the database answers again.',
  database_commit_unknown:
    'The connection broke during a commit; look whether the change is there before repeating it.',
  backup_failed: 'Read the text; the database that was backed up is as it was.',
  backup_target_used:
    'Restore into a data directory or a database that is empty: nothing is overwritten.',
  recovery_waits: 'Run it again once the transaction is final, with nodes that keep old blocks.',
  recovery_differs:
    'Read the text: give another copy by --published, of a private pool or of disputes also by --recovery, or `--published none` to close epochs anew and say so.',
  database_restored:
    'Run `tributary ledger recover` before the pool: it finds what happened after the backup.',
  data_directory_unusable: 'Give --data-dir a directory of yours, or one that can be made.',
  data_directory_in_use:
    'Another tributary pool uses this data directory; stop it or choose another --data-dir.',
  database_embedded_failed:
    'Check that the data directory is on a local disk with free space and that its parents may be entered by other users; or give --database-url.',
  migration_changed: 'Restore the migration file that was edited; migrations are forward only.',
  migration_newer:
    'This database was migrated by a newer Tributary; run that version or a later one.',
  certificate_unusable: 'Check that --tls-cert and --tls-key are a matching PEM pair and readable.',
  address_in_use: 'Another program listens there; stop it or choose another address.',
  address_invalid: 'Write the address as HOST:PORT.',
  admin_exposed: 'Keep the admin address on loopback, or set an admin token first.',
  admin_unreachable: 'Start the pool, or give --data-dir or --admin-url of the one that runs.',
  admin_unauthorized:
    'Use the token file of the running pool: --data-dir must name its data directory.',
  admin_refused: 'Read the text: the pool said why it refused.',
  operator_unknown: 'List the operators with `tributary operators list`.',
  operator_refused: 'Read the text; a name and a wallet are one operator’s at a time.',
  worker_unknown: 'List the workers with `tributary workers list`.',
  worker_name_taken: 'Choose another name, or rotate the credential of the existing worker.',
  worker_away:
    'Wait until it is connected, or pause it: a paused worker gets nothing when it is back.',
  worker_revoked: 'A revoked worker stays revoked; add it anew for a new credential.',
  worker_secrets_full:
    'Two secrets are valid already: finish the running rotation, or name the one to retire.',
  worker_name_invalid: 'Use 1 to 64 letters, digits, dots, dashes or underscores.',
  fact_invalid:
    'Give a class or region of up to 64 characters, and a promise as a share of the time such as 95%.',
  evidence_unknown: 'Take the id as it stands in the line of the statement.',
  refund_id_invalid: 'Use 1 to 80 letters, digits, dots, dashes or underscores.',
  refund_amount_invalid: 'Give an amount above 0.',
  refund_known: 'Give the refund an id of its own, or leave it: it is booked.',
  incident_unknown:
    'Take the number from `tributary incidents list`, or from the list of incidents.',
  incident_closed: 'Open another one.',
  incident_invalid:
    'Give a title of up to 200 characters; a plan begins before it ends, in the future, within a week.',
  payout_address_invalid: 'Give a 20-byte hex address, with a correct checksum if in mixed case.',
  join_string_invalid: 'Copy the whole join string as `tributary workers add` printed it.',
  credential_invalid: 'Ask the pool operator for a new credential; this one is refused.',
  capacity_refused: 'Give --max-sessions a number of 1 or more.',
  certificate_pin_mismatch:
    'The server is not the pool that issued the join string. Ask the operator for a new join string.',
  orchestrator_unreachable: 'Check the address and that the orchestrator runs.',
  connection_failed: 'Check the network between the two machines and that the server runs.',
  request_timed_out: 'The server took too long; retry, and look at its load if it happens often.',
  orchestrator_refused: 'Read the text: the orchestrator said why it refused.',
  media_unreadable: 'Give a file that FFmpeg can read, with a video stream.',
  media_failed: 'Look at the FFmpeg text; try another device or profile.',
  device_unusable: 'Choose another --device; `auto` takes what works.',
  input_missing: 'Give the path of an existing file.',
  profile_invalid: 'Use preset names or a JSON file of profiles.',
  port_refused: 'Choose another port.',
  blob_store_full: 'Raise the limit of bytes in flight, or send fewer segments at once.',
  blob_failed: 'The sender went away in the middle; it will send again if it still wants to.',
  hashing_closed: 'The program is stopping; nothing needs to be done.',
  compiler_failed:
    'Install Tributary again, which brings the Solidity compiler; or correct the contract.',
  devnet_failed: 'Read what was said last; check the port and the state file.',
  keystore_missing:
    'Give an existing key file, or a directory with one; `tributary keys new` makes one.',
  keystore_invalid: 'Give a whole key file of geth or go-livepeer: Web3 Secret Storage, version 3.',
  keystore_exposed:
    'Run `chmod 600` on the file; if strangers could have read it, move to a new key.',
  keystore_ambiguous: 'Say which key is meant: give its file, or its address.',
  keystore_taken: 'Use the key that is there, or choose another directory.',
  keystore_unwritable: 'Give a directory that exists or can be made, on a disk with free space.',
  password_wrong:
    'Check what the password file holds; a damaged key file looks the same, so try a copy of it, too.',
  password_unusable: 'Put the password, and nothing else, into a file that only you can read.',
  private_key_invalid: 'Give a private key as 64 hex digits, or a key file.',
  secret_sealed: 'Give the same password as when the database was made; the secrets in it need it.',
  price_feed_failed:
    'Check --price-feed and the currency of --price: the feed must be for ETH and that currency; or give prices in wei.',
  rpc_unavailable: 'Check that the RPC providers of --eth-url answer; the pool asks them again.',
  rpc_refused: 'Read the text: the node of the chain said why it refused.',
  chain_wrong: 'Give --eth-url the nodes of the chain that --network names, all of the same one.',
  controller_missing:
    'Give --controller the address of the Livepeer Controller on the chain that --eth-url serves.',
  transactions_closed: 'The program is stopping; the journal goes on at the next start.',
  recovery_busy: 'More tickets arrive than signatures can be checked; add cores or fewer gateways.',
  recovery_closed: 'The program is stopping; nothing needs to be done.',
  price_not_set:
    'See tributary prices show: only a price that was set while the pool ran can be reset.',
  chain_off: 'Start the pool with --network arbitrum-one or devnet; off chain it has no account.',
  chain_unseen: 'Wait until a provider of --eth-url has answered; the pool goes on trying.',
  chain_paused: 'The protocol is paused by its owner; try again when it goes on.',
  chain_round_not_initialized:
    'Initialise the round with `tributary chain init-round`, or wait until somebody has.',
  chain_round_initialized: 'Nothing needs to be done: somebody was faster.',
  chain_round_locked: 'Wait for the next round: cuts cannot change at the end of one.',
  chain_not_registered: 'Register first with `tributary chain register`.',
  chain_not_active: 'Only an active orchestrator may; see `tributary chain status`.',
  chain_nothing_to_do: 'Nothing needs to be done: it is so already.',
  chain_amount_wrong: 'Give an amount of more than nothing and of no more than there is.',
  chain_funds_short: 'Send what is missing to the account, or give less.',
  chain_lock_unknown: 'See the unbonding locks in `tributary chain status`.',
  chain_lock_waiting: 'Wait for the round that is named; nothing is lost until then.',
  chain_reward_called: 'Nothing needs to be done: the reward of this round is called.',
  chain_reward_first: 'Call `tributary chain reward` first, in this round.',
  chain_stake_pending: 'Wait for the next round: what was bonded in this one counts from then on.',
  chain_service_uri_invalid: 'Give the URI as https://HOST:PORT, as gateways shall call it.',
  chain_address_invalid: 'Give a 20-byte hex address, with a correct checksum if in mixed case.',
  chain_vote_closed: 'See when the vote is open; it needs stake from before it began.',
  chain_unsupported: 'The contracts of this network do not have it; nothing can be done.',
  chain_key_missing:
    'Sign the shown calls where the key is, or give its key file to the signer of this pool.',
  chain_busy: 'Wait for the transaction that is on its way, then repeat the command.',
  chain_would_fail: 'Read what the contract said; nothing was sent.',
  chain_submission_unknown:
    'The pool was restarted; what was sent goes on. Repeat the command: it does what is left.',
  signer_unreachable:
    "Check that the signer runs, where it listens, and that both sides accept each other's certificate.",
  signer_unavailable: 'The signer is away for the moment; it is asked again by itself.',
  signer_refused: 'Read the text: the signer said why; its settings hold its policy.',
  signer_in_use: 'Stop the other signer, or give this one a --state-file of its own.',
  signer_exposed:
    'Run `chmod 700` on the directory of the socket, or choose one that is yours alone.',
  signer_sums_unusable:
    'Check the disk; a damaged file of sums may be removed once no signed transaction is on its way.',
  funding_failed:
    'Look the transaction up; once the account is free again, start the gateway anew: it puts in what is missing.',
  epoch_unknown: 'See `tributary epoch list` for the epochs that there are.',
  epoch_open:
    'Wait until it is closed, or close it now with `tributary epoch close`; a statement is made of a whole epoch.',
  epoch_closing:
    'Wait a moment: another node of the pool closes it, or the books are being written.',
  payout_plan_unknown: 'Take the digest of `tributary payouts preview`.',
  payout_plan_run: 'Nothing needs to be done: a plan is run once. See `tributary payouts status`.',
  payout_plan_changed: 'Run `tributary payouts preview` again, read it, and run that.',
  payout_not_approved:
    'Have two people approve it, each with a token of their own: `tributary payouts approve`.',
  payout_approver_unknown: 'Use the token file that `tributary payouts add-approver` wrote.',
  payout_unknown: 'Take the id of a payout from `tributary payouts status`.',
  payout_state_wrong: 'See how the payout stands in `tributary payouts status`.',
  payout_file_wrong:
    'Correct the named lines and import the file again; nothing was taken from it.',
  funding_refused: 'Read the text; give the transaction that brought the money, once it is final.',
  correction_refused:
    'Look what differs with `tributary payouts reconcile`, and book exactly that once you know why.',
  payout_choice_refused: 'Read the text: it says what cannot be chosen.',
  payout_ask_refused:
    'Read the text: it says what stands in the way. What you are owed stays owed.',
  payout_address_refused: 'Read the text; an address needs both signatures, or 48 hours.',
  demo_stopped: 'Every process of it was stopped, too; nothing needs to be done.',
  demo_slow: 'Run it again when less else runs on this machine.',
  demo_failed: 'Read what the process said; then start the demo again.',
  output_unwritable: 'Give a folder that you may write to, or one that can be made.',
  receipts_unwritable:
    'Give --receipts a folder that you may write to and that is not lost when the machine is.',
  output_unusable: 'Choose a file that is not there yet, in a directory that you may write to.',
  terms_invalid: 'Correct what is named; `tributary terms check FILE` shows all of it.',
  terms_unknown: 'See which versions there are with `tributary terms show`.',
  terms_late: 'Let new terms start at an epoch that has not begun; `next` is the first of them.',
  terms_unchanged: 'Nothing needs to be done: no version was made, and nobody is told anything.',
  dispute_invalid: 'Correct what is named; nothing was written.',
  dispute_refused: 'Read the text; `tributary terms show` has the windows and deadlines.',
  dispute_unknown: 'Take the id of a dispute from `tributary disputes list`.',
  notice_channel_invalid: 'Correct what is named; nothing was changed.',
  notice_channel_unknown:
    'See which there are with `tributary notices channels`, or in the settings of your notices.',
  notice_channel_refused: 'Read the text; it says what stands in the way.',
  notices_key_unusable:
    'Let --notices-key-file name a file with 64 hex digits that the pool may read, or leave it out and let the pool write one.',
  notice_unknown: 'Take the id from `tributary notices dead`.',
  import_wrong: 'Correct what is named and import it again; nothing was taken from it.',
  internal: 'This is a defect of Tributary; please report it with the text above.',
} as const;

/** The closed list of codes of thrown errors. */
export type ErrorCode = keyof typeof errorAdvice;

/** Facts that help to find the cause: never a secret, key, IP address or segment URL. */
export type ErrorFacts = Readonly<Record<string, string | number | bigint | boolean | undefined>>;

/**
 * A broken assumption or failed I/O. Expected outcomes are values (`{ ok: false, reason }`), not
 * errors.
 */
export class TributaryError extends Error {
  override readonly name = 'TributaryError';
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;

  constructor(
    code: ErrorCode,
    message: string,
    options: { facts?: ErrorFacts; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.facts = options.facts ?? {};
  }

  /** What the reader should do about it. */
  get advice(): string {
    return errorAdvice[this.code];
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
