import { readInput } from '../../src/epochs/input-json.ts';
import {
  type EpochHead,
  type LeavesFile,
  type Parsed,
  type PayoutsFile,
  parseLeaves,
  parsePayouts,
  parseSignedEpoch,
  type SignedEpoch,
} from '../../src/proofs/files.ts';
import type { EpochInput } from '../../src/terms/settle-types.ts';
import type { Terms } from '../../src/terms/terms.ts';
import type { AmountView } from '../parts/amount.tsx';
import type { Reader } from './reader.ts';

// The files that a pool publishes, as pages show them: the same ones that everybody checks.

/** The signed record of an epoch; undefined when it was not published. */
export async function signedEpoch(reader: Reader, epoch: bigint): Promise<SignedEpoch | undefined> {
  return parsed(await reader.file(`epoch-${epoch}/epoch.json`), parseSignedEpoch);
}

/** Every line of an epoch; undefined of a private pool. */
export async function epochLeaves(
  reader: Reader,
  epoch: bigint,
): Promise<LeavesFile['leaves'] | undefined> {
  return parsed(await reader.file(`epoch-${epoch}/leaves.json`), parseLeaves)?.leaves;
}

/** What an epoch was settled by; undefined of a private pool. */
export async function epochInput(reader: Reader, epoch: bigint): Promise<EpochInput | undefined> {
  const text = await reader.file(`epoch-${epoch}/input.json`);
  return text === undefined ? undefined : readInput(text);
}

/** Payouts that became final after an epoch was closed and before the next was. */
export async function epochPayouts(reader: Reader, epoch: bigint): Promise<PayoutsFile['payouts']> {
  return parsed(await reader.file(`epoch-${epoch}/payouts.json`), parsePayouts)?.payouts ?? [];
}

/** Names of workers by id; empty of a private pool. */
export async function workerNames(reader: Reader): Promise<ReadonlyMap<string, string>> {
  const text = await reader.file('workers.json');
  if (text === undefined) return new Map();
  const { workers } = JSON.parse(text) as {
    readonly workers: readonly { readonly worker: string; readonly name: string }[];
  };
  return new Map(workers.map(({ worker, name }) => [worker, name]));
}

function parsed<T>(text: string | undefined, parse: (text: string) => Parsed<T>): T | undefined {
  if (text === undefined) return undefined;
  const read = parse(text);
  if (!read.ok) throw new Error(`a published file cannot be read: ${read.text}`);
  return read.file;
}

/** Amounts of a file with the decimals that the terms give their assets. */
export function amountViews(
  amounts: Readonly<Record<string, bigint>>,
  { assets }: Pick<Terms, 'assets'>,
): readonly AmountView[] {
  return Object.entries(amounts).map(([asset, amount]) => amountView(asset, amount, { assets }));
}

/** One of them. An asset that these terms do not name is shown in base units. */
export function amountView(
  asset: string,
  amount: bigint,
  { assets }: Pick<Terms, 'assets'>,
): AmountView {
  const decimals = assets[asset as keyof typeof assets]?.decimals ?? 0;
  return { asset, amount: String(amount), decimals };
}

/** What all workers were credited in an epoch. */
export function creditedIn({ totals }: EpochHead): Readonly<Record<string, bigint>> {
  return Object.fromEntries(
    Object.entries(totals.amounts).map(([asset, { epoch }]) => [asset, epoch]),
  );
}

/** The number of an epoch in a path; undefined when it is none. */
export function epochNumber(text: string | undefined): bigint | undefined {
  return text !== undefined && /^[1-9]\d{0,17}$/.test(text) ? BigInt(text) : undefined;
}
