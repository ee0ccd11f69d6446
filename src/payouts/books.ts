import type { AssetId } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import { account } from '../ledger/accounts.ts';
import type { Entry, Posting } from '../ledger/postings.ts';
import type { AssetKind } from '../terms/terms.ts';
import type { Booking } from './payout.ts';
import type { StoredPayout } from './store.ts';

/** What the books need to know of a payout. */
type Booked = Pick<StoredPayout, 'id' | 'worker' | 'asset' | 'amount' | 'lines'>;

/**
 * The posting of a booking. Each cause is posted once for ever, so no payout is reserved, paid or
 * released twice, whatever its caller does.
 */
export function postingOf(
  booking: Booking,
  payout: Booked,
  more: { readonly at: Instant; readonly kind: AssetKind; readonly facts?: Record<string, string> },
): Posting {
  const { at, facts = {} } = more;
  const base = { at, facts: { payout: payout.id, ...facts } };
  const cause = (word: string) => `payout:${payout.id}:${word}`;
  const worker = account('worker', payout.worker);
  const flying = account('in_flight', payout.id);
  const moved = (from: typeof worker, to: typeof worker): Entry[] =>
    payout.lines.flatMap(({ asset, amount }) => [
      { account: from, asset, amount },
      { account: to, asset, amount: -amount },
    ]);
  switch (booking) {
    case 'reserve':
      return {
        ...base,
        cause: cause('reserved'),
        kind: 'payout_reserved',
        entries: moved(worker, flying),
      };
    case 'release':
      return {
        ...base,
        cause: cause('released'),
        kind: 'payout_released',
        entries: moved(flying, worker),
      };
    case 'pay':
      return {
        ...base,
        cause: cause('paid'),
        kind: 'payout_paid',
        entries: leaving(payout, flying, more.kind),
      };
    case 'take_back':
      return {
        ...base,
        cause: cause('returned'),
        kind: 'payout_returned',
        entries: comingBack(payout, worker, more.kind),
      };
  }
}

/** From which account a payout leaves: what a bank sends was never in the treasury. */
function source(kind: AssetKind) {
  return account(kind.kind === 'fiat' ? 'external' : 'treasury');
}

/**
 * What was in flight leaves the pool. What was owed in another asset than it is paid in stays, and is
 * the operator's from now on, who put in what was paid: an exchange with the operator at the rate of
 * the line.
 */
function leaving(payout: Booked, flying: Entry['account'], kind: AssetKind): Entry[] {
  const external = account('external');
  let exchanged = payout.amount;
  const entries = payout.lines.flatMap((line): Entry[] => {
    const { asset, amount, quote } = line;
    if (!quote) exchanged -= amount;
    const note = quote ? { note: noteOf(payout.asset, line) } : {};
    const to = quote ? external : source(kind);
    return [
      { account: flying, asset, amount, ...note },
      { account: to, asset, amount: -amount, ...note },
    ];
  });
  return [...entries, ...moveOne(external, source(kind), payout.asset, exchanged)];
}

/** As {@link leaving} backwards, but into what the worker is owed. */
function comingBack(payout: Booked, worker: Entry['account'], kind: AssetKind): Entry[] {
  const external = account('external');
  let exchanged = payout.amount;
  const entries = payout.lines.flatMap(({ asset, amount, quote }): Entry[] => {
    if (!quote) exchanged -= amount;
    return [
      { account: quote ? external : source(kind), asset, amount },
      { account: worker, asset, amount: -amount },
    ];
  });
  return [...entries, ...moveOne(source(kind), external, payout.asset, exchanged)];
}

/** Nothing for an amount of 0, and between an account and itself. */
function moveOne(
  debit: Entry['account'],
  credit: Entry['account'],
  asset: AssetId,
  amount: bigint,
): Entry[] {
  if (amount === 0n || debit === credit) return [];
  return [
    { account: debit, asset, amount },
    { account: credit, asset, amount: -amount },
  ];
}

function noteOf(into: AssetId, { quote }: Booked['lines'][number]): string {
  if (!quote) return '';
  const { numerator, denominator, source: from, at } = quote;
  return `${numerator}/${denominator} ${into}, ${from}, ${new Date(at).toISOString()}`;
}
