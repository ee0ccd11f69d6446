import type { Hex } from 'viem';
import { hex } from '../base/bytes.ts';
import { crashPoint } from '../base/crash-point.ts';
import type { Log } from '../base/log.ts';
import { fateOf, type IntentFate } from '../chain/journal-store.ts';
import type { Inclusion, IntentId, SettledEntry } from '../chain/journal-types.ts';
import type { Database } from '../database/database.ts';
import type { Transaction } from '../database/transaction.ts';
import { type RedemptionFailure, retryBlock } from '../payments/redemption.ts';
import { type ClaimedWinner, endWinner, requeueWinner } from '../payments/winners-store.ts';
import type { redemptionMetrics } from './metrics.ts';
import { paymentsIn } from './redeem-calls.ts';
import { type RedeemingChain, SILENT_REVERT } from './redeem-chain.ts';

/** What settling claims stands on. */
export interface SettlingParts {
  readonly database: Database;
  readonly chain: RedeemingChain;
  readonly ticketBroker: Hex;
  readonly chainId: number;
  readonly log: Log;
  readonly metrics: ReturnType<typeof redemptionMetrics>;
}

/** Tickets that one transaction of one account is to redeem. */
export interface ClaimGroup {
  readonly intent: IntentId;
  readonly redeemer: Hex;
  readonly winners: readonly ClaimedWinner[];
}

/** Claims by the transaction that they wait for. */
export function groupClaims(claimed: readonly ClaimedWinner[]): readonly ClaimGroup[] {
  const groups = Map.groupBy(claimed, ({ intent, redeemer }) => `${hex(redeemer)} ${intent}`);
  return [...groups.values()].flatMap((winners) => {
    const [first] = winners;
    if (!first) return [];
    const redeemer: Hex = `0x${hex(first.redeemer)}`;
    return [{ intent: first.intent as IntentId, redeemer, winners }];
  });
}

/** How one ticket of a settled transaction ends. */
type Outcome =
  | { readonly end: Extract<Parameters<typeof endWinner>[2], { state: 'redeemed' }> }
  | { readonly failure: RedemptionFailure };

/**
 * Writes what a transaction brought, once nothing can change it any more; `open` while something
 * can. Whoever does it, and how often, it is written once.
 *
 * Throws TributaryError `rpc_unavailable`: then it is for the next pass.
 */
export async function settleClaim(
  parts: SettlingParts,
  group: ClaimGroup,
  l1Block: bigint,
): Promise<'open' | 'settled'> {
  const { database, chainId } = parts;
  const fate = await fateOf(database, { chainId, address: group.redeemer }, group.intent);
  if (fate?.state === 'open') return 'open';
  const outcomes = await outcomesOf(parts, group, fate, l1Block);
  if (!outcomes) return 'open';
  await database.transact(async (tx) => {
    for (const [winner, outcome] of outcomes) await write(tx, winner, outcome);
    crashPoint('before_mark');
  });
  crashPoint('after_mark');
  report(parts, fate, [...outcomes.values()]);
  return 'settled';
}

async function outcomesOf(
  parts: SettlingParts,
  { winners }: ClaimGroup,
  fate: Exclude<IntentFate, { state: 'open' }> | undefined,
  l1Block: bigint,
): Promise<ReadonlyMap<ClaimedWinner, Outcome> | undefined> {
  if (fate?.state === 'final') return outcomesIn(parts, winners, fate.inclusion, l1Block);
  // Without an intent nothing was ever sent: not even a signature was asked for.
  const wait = fate?.reason === 'refused' ? REFUSED_WAIT_BLOCKS : 0n;
  const failure: RedemptionFailure = { kind: 'not_sent', retryAtBlock: l1Block + wait };
  return new Map(winners.map((winner) => [winner, { failure }]));
}
/** A signer whose policy forbids it will not think better of it by itself; 5 minutes. */
const REFUSED_WAIT_BLOCKS = 25n;

/** What each ticket was paid, out of the receipt; undefined while the providers do not show it. */
async function outcomesIn(
  { chain, ticketBroker }: SettlingParts,
  winners: readonly ClaimedWinner[],
  { hash, block, succeeded }: Inclusion,
  l1Block: bigint,
): Promise<ReadonlyMap<ClaimedWinner, Outcome> | undefined> {
  const receipt = await chain.receipt(hash);
  if (receipt?.transactionHash.toLowerCase() !== hash.toLowerCase()) return undefined;
  if ((BigInt(receipt.status) === 1n) !== succeeded) return undefined;
  const paid = succeeded ? paymentsIn(receipt, ticketBroker) : undefined;
  const transaction = Buffer.from(hash.slice(2), 'hex');
  const outcomes = winners.map(async (winner): Promise<[ClaimedWinner, Outcome]> => {
    const amount = paid?.get(winner.id);
    if (amount !== undefined) {
      return [winner, { end: { state: 'redeemed', transaction, paid: amount } }];
    }
    const text = await whyNot(chain, winner, block);
    const retryAtBlock = retryBlock(l1Block, winner.tries);
    return [winner, { failure: { kind: 'reverted', text, retryAtBlock } }];
  });
  return new Map(await Promise.all(outcomes));
}

/** The contract's words as of that block; a node that keeps no old state gives its newest ones. */
async function whyNot(
  chain: RedeemingChain,
  winner: ClaimedWinner,
  block: bigint,
): Promise<string> {
  const trial = await chain.tryOut(winner, block).catch(() => chain.tryOut(winner, 'latest'));
  return trial.ok ? SILENT_REVERT : trial.text;
}

async function write(tx: Transaction, winner: ClaimedWinner, outcome: Outcome): Promise<void> {
  if ('end' in outcome) await endWinner(tx, winner.id, outcome.end);
  else await requeueWinner(tx, winner, outcome.failure);
}

function report(
  { log, metrics }: SettlingParts,
  fate: SettledEntry | undefined,
  outcomes: readonly Outcome[],
): void {
  const redeemed = outcomes.filter((outcome) => 'end' in outcome).length;
  const failed = outcomes.length - redeemed;
  for (let count = 0; count < redeemed; count += 1) metrics.redeemed();
  if (redeemed > 0) log.info('tickets_redeemed', { count: redeemed });
  if (failed === 0) return;
  metrics.failed(fate?.state === 'final' ? 'reverted' : 'not_sent', failed);
  const [first] = outcomes.flatMap((outcome) => ('failure' in outcome ? [outcome.failure] : []));
  const reason =
    first?.kind === 'reverted'
      ? first.text
      : fate?.state === 'failed'
        ? fate.reason
        : 'never_intended';
  log.warn('redemption_failed', { count: failed, reason });
}
