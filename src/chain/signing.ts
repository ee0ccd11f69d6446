import type { Hex } from 'viem';
import { hex, parseHex } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Metrics } from '../base/metrics.ts';
import type { UnsignedTransaction } from './sign-transaction.ts';
import { followLine, type SignerHealth } from './signing-health.ts';
import { openLine, type SignerAddress, type SignerLine } from './signing-line.ts';
import type { AccountStatement } from './signing-statement.ts';
import {
  decodeFigures,
  PING_BYTES_MAX,
  type SigningAccount,
  type SigningAnswer,
  type SigningFigures,
  type SigningRequest,
  type SigningRole,
} from './signing-wire.ts';

export type { SignerAddress, SigningAccount, SigningFigures, SigningRole };

/** `refused` is for good: against the policy of the signer. `unavailable` is worth another try. */
export type SignedOrNot =
  | { readonly ok: true; readonly raw: Hex; readonly hash: Hex }
  | { readonly ok: false; readonly reason: 'refused' | 'unavailable'; readonly text: string };

/**
 * What holds the node's keys, as the rest of the pool sees it: a process of its own. Keys never
 * leave it, and it builds every message that it signs out of a typed request.
 *
 * Everything but {@link Signing.signTransaction} throws TributaryError `signer_unavailable` when the
 * signer does not answer in time, and `signer_refused` when it will not do what it was asked.
 */
export interface Signing {
  /** 20 bytes: the node account, `OrchestratorInfo.address`, which signs results. */
  readonly address: Uint8Array;
  /** Every account that may sign transactions, the node account first. */
  readonly accounts: readonly SigningAccount[];
  /**
   * 65 bytes over the concatenated rendition hashes, each of 32 bytes.
   * wire: go-livepeer server/segment_rpc.go:ServeSegment.
   */
  signResult(hashes: readonly Uint8Array[]): Promise<Uint8Array>;
  /**
   * The signature that answers a Ping; undefined when the value could mean something elsewhere: more
   * than 31 bytes, and no nonce of {@link Signing.selfCheckNonce}.
   * wire: go-livepeer server/rpc.go:ping.
   */
  signPing(value: Uint8Array): Promise<Uint8Array | undefined>;
  /** 32 random bytes that {@link Signing.signPing} takes once: the pool asks itself whether it is reachable. */
  selfCheckNonce(): Promise<Uint8Array>;
  /** Signs what the policy allows: chain, contract, method, recipient, amounts, gas. Never throws. */
  signTransaction(account: Hex, tx: UnsignedTransaction): Promise<SignedOrNot>;
  /**
   * 65 bytes over the EIP-712 form of a statement in the name of the signer's own orchestrator and
   * chain. Throws RangeError when a field does not fit.
   */
  signStatement(statement: AccountStatement): Promise<Uint8Array>;
  /**
   * 32 bytes derived from the node account's key (HKDF, a domain of its own), which seal secrets in
   * the database. The same for the same key; not a key of any account.
   */
  sealKey(): Promise<Uint8Array>;
  /** How often the signer signed and refused since it started. */
  figures(): Promise<SigningFigures>;
  /** Ends the connection, and the signer itself where it was started as a child. */
  close(): Promise<void>;
}

/** A signature over a result, or of a Ping. */
const SIGNATURE_BYTES = 65;
/** Reasons that pass with time, so that a transaction is asked for again. */
const PASSING: ReadonlySet<string> = new Set([
  'fees_per_day',
  'eth_per_day',
  'lpt_per_day',
  'transactions_per_day',
  'failed',
]);

/**
 * Connects to a signer and stays connected: what is asked while it is away waits a few seconds for
 * it to come back. Every request may be repeated without harm, so none is lost with a connection.
 *
 * @throws TributaryError `signer_unreachable` when there is none within ten seconds
 */
export async function connectSigner(
  to: SignerAddress,
  parts: {
    readonly clock: Clock;
    readonly log: Log;
    readonly metrics?: Metrics;
    readonly health?: SignerHealth;
  },
): Promise<Signing> {
  const line = followLine(openLine(to, parts), parts);
  const accounts = await line.ready;
  const [main] = accounts;
  const bytes = async (request: SigningRequest, length: number) => {
    const answer = await line.ask(request);
    if (answer?.kind === 'ok' && answer.body.length === length) return answer.body;
    if (answer?.kind === 'refused') throw new TributaryError('signer_refused', answer.text);
    throw new TributaryError('signer_unavailable', AWAY_TEXT);
  };
  return {
    address: parseHex(main.address) as Uint8Array,
    accounts,
    signResult: (hashes) => bytes({ kind: 'result', hashes }, SIGNATURE_BYTES),
    async signPing(value) {
      if (value.length > PING_BYTES_MAX) return undefined;
      const answer = await line.ask({ kind: 'ping', value });
      if (!answer) throw new TributaryError('signer_unavailable', AWAY_TEXT);
      return answer.kind === 'ok' ? answer.body : undefined;
    },
    selfCheckNonce: () => bytes({ kind: 'nonce' }, 32),
    signTransaction: async (account, tx) => signed(await askSafely(line, account, tx)),
    signStatement: (statement) => bytes({ kind: 'statement', statement }, SIGNATURE_BYTES),
    sealKey: () => bytes({ kind: 'seal_key' }, 32),
    async figures() {
      return decodeFigures(await bytes({ kind: 'figures' }, 16)) as SigningFigures;
    },
    close: async () => line.close(),
  };
}
const AWAY_TEXT = 'The signer does not answer.';

/** What has no place in a frame is refused here, as the signer would. */
async function askSafely(line: SignerLine, account: Hex, tx: UnsignedTransaction) {
  try {
    return await line.ask({ kind: 'transaction', account, tx });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return {
      kind: 'refused',
      reason: 'malformed',
      text: `No transaction: ${error.message}.`,
    } as const;
  }
}

function signed(answer: SigningAnswer | undefined): SignedOrNot {
  if (!answer) return { ok: false, reason: 'unavailable', text: AWAY_TEXT };
  if (answer.kind === 'refused') {
    const reason = PASSING.has(answer.reason) ? 'unavailable' : 'refused';
    return { ok: false, reason, text: answer.text };
  }
  const digits = hex(answer.body);
  return { ok: true, hash: `0x${digits.slice(0, 64)}`, raw: `0x${digits.slice(64)}` };
}
