import type { AssetId } from '../base/asset.ts';
import { type Clock, type Instant, instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Database } from '../database/database.ts';
import type { Transaction } from '../database/transaction.ts';
import type { Terms } from '../terms/terms.ts';
import {
  type AddressRefusal,
  type AddressWish,
  addressDigest,
  addressMessage,
  isSignedBy,
  operatorEffectiveAt,
  recipientIn,
  refusalOf,
  wishRefusal,
} from './address.ts';
import type { PayoutChain } from './payout-chain.ts';
import type { Recipient } from './plan-types.ts';
import {
  type AddressChange,
  addAddressChange,
  addressChanges,
  applyAddressChanges,
  lockForAddress,
  type Preference,
  preferenceOf,
  stopAddressChange,
  storePreference,
} from './preferences-store.ts';

/** How long a text that was made to be signed is good for. */
const WISH_MS = 7 * 86_400_000;

/** What a worker may choose, asked for by it or by its operator. `ref`: a name or an id. */
export interface Choices {
  /** Throws `worker_unknown`, `payout_choice_refused` with what cannot be chosen. */
  choose(ref: string, wanted: Partial<Preference>): Promise<Preference>;
  choicesOf(ref: string): Promise<ChoicesView>;
  /** The text that both addresses sign to move payouts to another address. */
  addressText(
    ref: string,
    to: string,
  ): Promise<{ readonly text: string; readonly expiresAt: Instant }>;
  /** Takes effect at once, with the signatures of both addresses. Throws `payout_address_refused`. */
  changeAddress(
    ref: string,
    to: string,
    signed: {
      readonly expiresAt: Instant;
      readonly oldSignature: string;
      readonly newSignature: string;
    },
  ): Promise<AddressChange>;
  /** The operator's word: takes effect after 48 hours, or at once where there was no address. */
  changeAddressAsOperator(ref: string, to: string): Promise<AddressChange>;
  /** Stops a change that waits. */
  stopAddressChange(ref: string): Promise<void>;
  /** Every change that waits, so that whoever looks sees it. */
  waitingChanges(): Promise<readonly AddressChange[]>;
}

/** A worker's choices and the changes of its address. */
export interface ChoicesView extends Preference {
  readonly worker: string;
  readonly name: string;
  readonly address: Recipient | undefined;
  readonly nonce: bigint;
  readonly changes: readonly AddressChange[];
}

const REFUSALS: Readonly<Record<AddressRefusal, string>> = {
  address_invalid: 'This is no address, or its checksum is wrong.',
  zero_address: 'From the zero address nothing comes back.',
  own_address: 'This address is the pool itself.',
  address_unchanged: 'The worker has this address already.',
  expired: 'The text that was signed is not valid any more, or for too long.',
  wrong_nonce: 'The text that was signed is of another change.',
  old_signature_wrong: 'The address that the worker has now did not sign this.',
  new_signature_wrong: 'The new address did not sign this.',
};

function refused(reason: AddressRefusal): TributaryError {
  return new TributaryError('payout_address_refused', REFUSALS[reason], { facts: { reason } });
}

/** Choices in the tables of the database. */
export function createChoices(parts: {
  readonly database: Database;
  readonly chain: PayoutChain | undefined;
  readonly pool: { readonly address: Recipient; readonly chainId: number };
  readonly forbidden: ReadonlySet<string>;
  readonly clock: Clock;
  readonly log: Log;
  terms(): Promise<Terms>;
}): Choices {
  const { database, chain, pool, forbidden, clock, log } = parts;

  async function locked(tx: Transaction, ref: string) {
    const worker = await lockForAddress(tx, ref);
    if (!worker) throw new TributaryError('worker_unknown', 'There is no such worker.');
    return worker;
  }

  function destination(text: string): Recipient {
    const to = recipientIn(text);
    if (!to) throw refused('address_invalid');
    const reason = refusalOf(to, forbidden);
    if (reason) throw refused(reason);
    return to;
  }

  async function change(
    tx: Transaction,
    wanted: Omit<AddressChange, 'state'>,
  ): Promise<AddressChange> {
    await addAddressChange(tx, wanted);
    await applyAddressChanges(tx, wanted.askedAt);
    const all = await addressChanges(tx, { worker: wanted.worker });
    return all.at(-1) as AddressChange;
  }

  return {
    async choose(ref, wanted) {
      const { payouts, assets } = await parts.terms();
      return database.transact(async (tx) => {
        const { worker } = await locked(tx, ref);
        const before = await preferenceOf(tx, worker);
        const now: Preference = {
          ...{ asset: undefined, threshold: undefined, fiatAccount: undefined },
          ...before,
          ...wanted,
          // A threshold is in an asset: another asset, another threshold.
          ...('asset' in wanted && !('threshold' in wanted) && { threshold: undefined }),
        };
        const complaint = complaintAbout(now, { payouts, assets });
        if (complaint) throw new TributaryError('payout_choice_refused', complaint);
        await storePreference(tx, worker, now, clock.now());
        return now;
      });
    },
    async choicesOf(ref) {
      return database.transact(async (tx) => {
        const { worker, name, address, nonce } = await locked(tx, ref);
        const preference = await preferenceOf(tx, worker);
        const changes = await addressChanges(tx, { worker });
        const none = { asset: undefined, threshold: undefined, fiatAccount: undefined };
        return { worker, name, address, nonce, changes, ...none, ...preference };
      });
    },
    async addressText(ref, to) {
      return database.transact(async (tx) => {
        const { worker, address, nonce } = await locked(tx, ref);
        const wanted = destination(to);
        if (!address) throw refused('old_signature_wrong');
        const expiresAt = instant(clock.now() + WISH_MS);
        const wish = { worker, from: address, to: wanted, nonce, expiresAt };
        return { text: addressMessage(wishOf(pool, wish)), expiresAt };
      });
    },
    async changeAddress(ref, to, { expiresAt, oldSignature, newSignature }) {
      const at = clock.now();
      const found = await database.transact((tx) => locked(tx, ref));
      const wanted = destination(to);
      const { worker, address, nonce } = found;
      if (!address) throw refused('old_signature_wrong');
      const wish = wishOf(pool, { worker, from: address, to: wanted, nonce, expiresAt });
      const reason = wishRefusal(wish, { at, nonce, address });
      if (reason) throw refused(reason);
      const digest = addressDigest(wish);
      const says = chain?.isContractSignature;
      // Asking a contract takes time: outside the transaction, whose nonce is looked at again.
      if (!(await isSignedBy(address, digest, oldSignature, says)))
        throw refused('old_signature_wrong');
      if (!(await isSignedBy(wanted, digest, newSignature, says)))
        throw refused('new_signature_wrong');
      const changed = await database.transact(async (tx) => {
        const now = await locked(tx, worker);
        const late = wishRefusal(wish, { at, ...now });
        if (late) throw refused(late);
        const asked = { askedBy: 'signatures', askedAt: at, effectiveAt: at } as const;
        return change(tx, { worker, nonce, oldAddress: address, newAddress: wanted, ...asked });
      });
      log.warn('payout_address_changed', { name: worker, reason: 'signatures' });
      return changed;
    },
    async changeAddressAsOperator(ref, to) {
      const at = clock.now();
      const wanted = destination(to);
      const changed = await database.transact(async (tx) => {
        const { worker, address, nonce } = await locked(tx, ref);
        if (address === wanted) throw refused('address_unchanged');
        const effectiveAt = operatorEffectiveAt(at, address);
        const asked = { askedBy: 'operator', askedAt: at, effectiveAt } as const;
        return change(tx, { worker, nonce, oldAddress: address, newAddress: wanted, ...asked });
      });
      log.warn('payout_address_change_asked', { name: changed.worker, reason: changed.state });
      return changed;
    },
    async stopAddressChange(ref) {
      await database.transact(async (tx) => {
        const { worker } = await locked(tx, ref);
        if (await stopAddressChange(tx, worker, clock.now())) return;
        throw new TributaryError('payout_address_refused', 'No change of this worker waits.');
      });
    },
    waitingChanges: () => addressChanges(database, 'waiting'),
  };
}

function wishOf(
  { address: pool, chainId }: { readonly address: Recipient; readonly chainId: number },
  wish: Omit<AddressWish, 'pool' | 'chainId'>,
): AddressWish {
  return { pool, chainId, ...wish };
}

/** What cannot be chosen, in a sentence; undefined: it can. */
export function complaintAbout(
  { asset, threshold, fiatAccount }: Preference,
  { payouts, assets }: Pick<Terms, 'payouts' | 'assets'>,
): string | undefined {
  if (threshold !== undefined && asset === undefined) return 'A threshold needs an asset.';
  if (asset !== undefined && !payouts.assets.includes(asset)) {
    return `The terms pay in ${payouts.assets.join(', ')}, not in ${asset}.`;
  }
  const least = asset === undefined ? undefined : payouts.thresholds[asset as AssetId];
  if (threshold !== undefined && least !== undefined && threshold < least) {
    return `The least threshold of the terms is ${least} base units of ${asset}.`;
  }
  if (threshold !== undefined && threshold <= 0n) return 'A threshold is more than nothing.';
  if (fiatAccount !== undefined && !/^[ -~]{1,140}$/.test(fiatAccount)) {
    return 'An account has 1 to 140 printable ASCII characters.';
  }
  const isFiat = asset !== undefined && assets[asset]?.kind === 'fiat';
  return isFiat && fiatAccount === undefined
    ? `To be paid in ${asset}, give an account.`
    : undefined;
}
