import { createHash } from 'node:crypto';
import type { Clock, Instant } from '../base/clock.ts';
import { instant } from '../base/clock.ts';
import { base32, type RandomBytes, secureRandom } from '../base/ids.ts';
import type { Database } from '../database/database.ts';
import type { Transaction } from '../database/transaction.ts';
import { isSignedBy, textDigest } from '../payouts/address.ts';
import type { PayoutChain } from '../payouts/payout-chain.ts';
import type { Recipient } from '../payouts/plan-types.ts';
import type { OperatorActor, WorkerActor } from './access.ts';
import { NONCE_MS, newNonce, nonceExpiry } from './nonce.ts';
import {
  addLink,
  addSession,
  endSession,
  endSessionsOf,
  forgetSessions,
  type Holder,
  type StoredSession,
  takeNonce,
  useLink,
  validSessions,
  walletHolders,
} from './sessions-store.ts';
import { messageRefusal, readMessage, type SignInRefusal } from './siwe.ts';

const HOUR_MS = 3_600_000;
/** A working day. */
const OPERATOR_MS = 12 * HOUR_MS;
/** Who looks once a week need not sign each time. */
const WORKER_MS = 30 * 24 * HOUR_MS;
/** Long enough to copy it into a browser. */
export const LINK_MS = 10 * 60_000;
/** What ended is kept for a week, for who looks for its end. */
const KEPT_MS = 7 * 24 * HOUR_MS;
/** 260 random bits in base 32. */
const TOKEN_BYTES = 33;
const TOKEN_CHARS = 52;

/** Somebody who signed in just now. */
export interface SignedIn {
  readonly ok: true;
  /** For the cookie alone. */
  readonly token: string;
  readonly holder: Holder;
  readonly expiresAt: Instant;
}
export type SignInResult = SignedIn | { readonly ok: false; readonly reason: SignInRefusal };

/** Who is signed in, and how one signs in. */
export interface Sessions {
  /** Whose session a cookie is, at this moment. */
  actorOf(token: string): Promise<OperatorActor | WorkerActor | undefined>;
  /** What a wallet has to sign: its message holds these. */
  challenge(): { readonly nonce: string; readonly expiresAt: Instant; readonly chainId: number };
  /** With the signature of a wallet under a message of EIP-4361. */
  signIn(message: string, signature: string, as: 'worker' | 'operator'): Promise<SignInResult>;
  /** With a link, once. */
  useLink(token: string): Promise<SignInResult>;
  /** The secret part of a link. */
  makeLink(
    holder: Exclude<Holder, { address: Recipient }>,
  ): Promise<{ readonly token: string; readonly expiresAt: Instant }>;
  /** Every valid session of the same person, newest first. */
  ofSamePerson(session: string): Promise<readonly StoredSession[]>;
  end(session: string): Promise<void>;
  endAllOf(holder: Holder): Promise<number>;
}

/** What sessions stand on. */
export interface SessionsParts {
  readonly database: Database;
  readonly clock: Clock;
  /** 32 bytes that all nodes of a pool share. */
  readonly key: Uint8Array;
  /** Where pages of the pool are: `https://pool.example`. */
  origins(): ReadonlySet<string>;
  /** Which chain wallets are asked to be on. */
  readonly chainId: number;
  /** Asks contract wallets; undefined: off chain only accounts sign in. */
  readonly contractSays: PayoutChain['isContractSignature'] | undefined;
  readonly random?: RandomBytes;
}

/** Sessions in the tables of the database. */
export function createSessions(parts: SessionsParts): Sessions {
  const { database, clock, key, chainId, contractSays } = parts;
  const random = parts.random ?? secureRandom;
  const newToken = () => base32(random(TOKEN_BYTES)).slice(0, TOKEN_CHARS);

  async function start(tx: Transaction, holder: Holder, by: 'wallet' | 'link'): Promise<SignedIn> {
    const at = clock.now();
    const token = newToken();
    const expiresAt = instant(at + ('operator' in holder ? OPERATOR_MS : WORKER_MS));
    await forgetSessions(tx, instant(at - KEPT_MS));
    await addSession(tx, { hash: hashOf(token), holder, by, at, expiresAt });
    return { ok: true, token, holder, expiresAt };
  }

  /** An account proves itself; a contract is asked only where it could be somebody whom we know. */
  async function isSigned(
    address: Recipient,
    text: string,
    signature: string,
    known: boolean,
  ): Promise<boolean> {
    return isSignedBy(address, textDigest(text), signature, known ? contractSays : undefined);
  }

  return {
    async actorOf(token) {
      const [session] = await validSessions(database, { hash: hashOf(token) }, clock.now());
      return session && actorOf(session);
    },
    challenge() {
      const now = clock.now();
      return { nonce: newNonce(key, now, random), expiresAt: instant(now + NONCE_MS), chainId };
    },
    async signIn(text, signature, as) {
      const now = clock.now();
      const message = readMessage(text);
      if (!message) return { ok: false, reason: 'message_malformed' };
      const refusal = messageRefusal(message, { origins: parts.origins(), chainId, now });
      if (refusal) return { ok: false, reason: refusal };
      const expiresAt = nonceExpiry(key, message.nonce, now);
      if (expiresAt === undefined) return { ok: false, reason: 'nonce_invalid' };
      const { address } = message;
      const { operator, isWorker } = await walletHolders(database, address);
      const known = as === 'operator' ? operator !== undefined : isWorker;
      if (!(await isSigned(address, text, signature, known))) {
        return { ok: false, reason: 'signature_wrong' };
      }
      if (!known) return { ok: false, reason: 'wallet_unknown' };
      const holder = as === 'operator' && operator !== undefined ? { operator } : { address };
      return database.transact(async (tx) => {
        const isFirst = await takeNonce(tx, message.nonce, { at: now, expiresAt });
        return isFirst ? start(tx, holder, 'wallet') : { ok: false, reason: 'nonce_used' };
      });
    },
    useLink: (token) =>
      database.transact(async (tx) => {
        const holder = await useLink(tx, hashOf(token), clock.now());
        return holder ? start(tx, holder, 'link') : { ok: false, reason: 'link_invalid' };
      }),
    async makeLink(holder) {
      const at = clock.now();
      const token = newToken();
      const expiresAt = instant(at + LINK_MS);
      await addLink(database, { hash: hashOf(token), holder, at, expiresAt });
      return { token, expiresAt };
    },
    ofSamePerson: (session) =>
      validSessions(
        database,
        { hash: Buffer.from(session, 'hex'), ofSameHolder: true },
        clock.now(),
      ),
    end: (session) => endSession(database, Buffer.from(session, 'hex'), clock.now()),
    endAllOf: (holder) => endSessionsOf(database, holder, clock.now()),
  };
}

/** What the database keeps of a token. */
function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function actorOf({ hash, by, holder }: StoredSession): OperatorActor | WorkerActor {
  const session = hash.toString('hex');
  if (holder.kind === 'operator') {
    const { id, name, role } = holder;
    return { kind: 'operator', id, name, role, by, session };
  }
  const { workers, address } = holder;
  return { kind: 'worker', id: address ?? workers[0] ?? '', workers, by, session };
}
