import { hkdfSync } from 'node:crypto';
import type { Hex } from 'viem';
import { hex } from '../base/bytes.ts';
import type { RandomBytes } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { signMessage } from '../protocol/signature.ts';
import { signTransaction, type UnsignedTransaction } from './sign-transaction.ts';
import { judge, refusalTexts, type SigningPolicy } from './signing-policy.ts';
import { type AccountStatement, signStatement } from './signing-statement.ts';
import type { Sums } from './signing-sums.ts';
import type { SigningAccount, SigningRole } from './signing-wire.ts';
import { encodeFigures, type SigningAnswer, type SigningRequest } from './signing-wire.ts';

/**
 * Longest value of a Ping that is signed for a stranger. What has a meaning when signed is longer:
 * one rendition hash has 32 bytes, a segment at least 64, a ticket 232, an address text 42.
 */
const STRANGER_BYTES_MAX = 31;
const NONCE_BYTES = 32;
/** Several pool nodes may ask themselves at the same time; older nonces are forgotten. */
const NONCES_MAX = 64;
/** Names this use of the node account's key, so that what comes out is of use for nothing else. */
const SEAL_DOMAIN = 'tributary database seal v1';
const SEAL_BYTES = 32;

/** An open key with what it is for. */
export interface VaultKey {
  /** 20 bytes. */
  readonly address: Uint8Array;
  /** 32 bytes. */
  readonly key: Uint8Array;
  readonly roles: readonly SigningRole[];
}

/** Answers typed requests; nothing else of the signer touches a key. */
export interface Vault {
  /** The node account first. */
  readonly accounts: readonly SigningAccount[];
  answer(request: SigningRequest): SigningAnswer;
  /** Counts what came instead of a request. */
  malformed(): SigningAnswer;
  /** Zeroes the keys. */
  close(): void;
}

/** The accounts of keys, as requests and hellos name them. */
export function accountsOf(keys: readonly VaultKey[]): readonly SigningAccount[] {
  return keys.map(({ address, roles }) => ({ address: `0x${hex(address)}` as Hex, roles }));
}

/** @param parts.keys the node account's first */
export function createVault(parts: {
  readonly keys: readonly [VaultKey, ...VaultKey[]];
  readonly policy: SigningPolicy;
  readonly sums: Sums;
  readonly random: RandomBytes;
  readonly log: Log;
}): Vault {
  const { keys, policy, sums, random, log } = parts;
  const [node] = keys;
  const nonces = new Set<string>();
  let signed = 0;
  let refusals = 0;

  const refuse = (reason: string, text: string): SigningAnswer => {
    refusals++;
    // A stranger chooses what a Ping holds, and must not fill the log with it.
    log[reason === 'ping' ? 'debug' : 'warn']('signing_refused', { reason });
    return { kind: 'refused', reason, text };
  };
  const isNode = node.roles.includes('node');
  const notNode = () => refuse('role', 'The account of this signer is no node account.');
  const sign = (message: Uint8Array): SigningAnswer => {
    if (!isNode) return notNode();
    signed++;
    return { kind: 'ok', body: signMessage(node.key, message) };
  };

  function statement(asked: AccountStatement): SigningAnswer {
    if (!isNode) return notNode();
    signed++;
    log.info('statement_signed', { name: asked.kind });
    return { kind: 'ok', body: signStatement(node.key, policy, asked) };
  }

  function ping(value: Uint8Array): SigningAnswer {
    const harmless = value.length > 0 && value.length <= STRANGER_BYTES_MAX;
    if (harmless || nonces.delete(hex(value))) return sign(value);
    return refuse('ping', 'The value of the Ping could mean something elsewhere.');
  }

  function nonce(): SigningAnswer {
    const value = random(NONCE_BYTES);
    nonces.add(hex(value));
    const [oldest] = nonces;
    if (nonces.size > NONCES_MAX && oldest !== undefined) nonces.delete(oldest);
    return { kind: 'ok', body: value };
  }

  function transaction(account: Hex, tx: UnsignedTransaction): SigningAnswer {
    const owner = keys.find(({ address }) => `0x${hex(address)}` === account);
    const verdict = judge(policy, { account, tx, spent: sums.spent(account, tx.nonce) });
    if (!verdict.ok) return refuse(verdict.reason, refusalTexts[verdict.reason]);
    if (!owner) return refuse('account', refusalTexts.account);
    if (!sums.count(account, tx.nonce, verdict.spending)) {
      return refuse('transactions_per_day', refusalTexts.transactions_per_day);
    }
    signed++;
    log.info('transaction_signed', { name: verdict.method });
    const { raw, hash } = signTransaction(owner.key, tx);
    return { kind: 'ok', body: Buffer.from(`${hash.slice(2)}${raw.slice(2)}`, 'hex') };
  }

  return {
    accounts: accountsOf(keys),
    answer(request) {
      switch (request.kind) {
        case 'result':
          return sign(Buffer.concat(request.hashes));
        case 'ping':
          return ping(request.value);
        case 'nonce':
          return nonce();
        case 'transaction':
          return transaction(request.account, request.tx);
        case 'seal_key':
          return isNode ? { kind: 'ok', body: sealKey(node.key) } : notNode();
        case 'statement':
          return statement(request.statement);
        case 'figures':
          return { kind: 'ok', body: encodeFigures({ signed, refused: refusals }) };
      }
    },
    malformed: () => refuse('malformed', 'What came is no request of the signer.'),
    close() {
      for (const { key } of keys) key.fill(0);
    },
  };
}

function sealKey(key: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, '', SEAL_DOMAIN, SEAL_BYTES));
}
