import { z } from 'zod';
import {
  callerOf,
  decode,
  findPool,
  type RunningPool,
  workerNames,
} from '../../api/admin-client.ts';
import { openPublished, type PublishedFiles } from '../../api/published-files.ts';
import { TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { createPaint, exitCode, type Io, table, VIEW_COLUMNS, wrap } from '../../base/terminal.ts';
import { readInput } from '../../epochs/input-json.ts';
import { nodeHashing } from '../../proofs/node-hashing.ts';
import { NotReadable } from '../../proofs/read-json.ts';
import { loadTerms } from '../../terms/load.ts';
import { readPublished } from '../../terms/published.ts';
import { showUnits } from '../../terms/ratio.ts';
import { type Difference, differences, replay } from '../../terms/replay.ts';
import { settleEpoch } from '../../terms/settle.ts';
import type { Amounts, EpochInput, Settlement } from '../../terms/settle-types.ts';
import { createTally, entriesOf } from '../../terms/tally.ts';
import { defaultTerms, type Terms } from '../../terms/terms.ts';
import { replayCommand } from './settings.ts';

/** Epochs before the first that are read for a sliding window; what is not there counts as nothing. */
const WINDOW_EPOCHS_MAX = 520;

/** `tributary lab replay`. */
export async function runReplay(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(replayCommand, args, io);
  if (!settings) return exitCode.ok;
  const { terms: path, from, to, proofs, json, ...pool } = settings.values;
  const terms = await loadTerms(path);
  const running = proofs === undefined ? findPool(pool) : undefined;
  const files = running ? fromPool(running) : openPublished(proofs ?? '');
  const inputs: EpochInput[] = [];
  for (let epoch = from; epoch <= to; epoch += 1) inputs.push(await inputOf(files, epoch));
  const was = await settledBefore(files, inputs);
  const would = replay(terms, inputs, await earlierInputs(files, terms, from));
  const found = differences(was, would);
  if (json) {
    const value = { from, to, workers: found, was: poolOf(was), wouldBe: poolOf(would) };
    const text = JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? `${each}` : each));
    io.stdout.write(`${text}\n`);
    return exitCode.ok;
  }
  // Published files have no names.
  const nameOf = running ? await workerNames(running) : (worker: string) => worker;
  io.stdout.write(`${view(io, { terms, found, nameOf, was, would, from, to })}\n`);
  return exitCode.ok;
}

/** The same files as the admin address of a running pool gives them, private epochs with them. */
function fromPool(pool: RunningPool): PublishedFiles {
  const call = callerOf(pool);
  const one = async (path: string, name: 'input' | 'file') => {
    const value = await call('GET', path).catch((error: unknown) => {
      const isMissing = error instanceof TributaryError && MISSING.has(error.code);
      if (isMissing) return undefined;
      throw error;
    });
    return value === undefined ? undefined : decode(z.object({ [name]: z.string() }), value)[name];
  };
  return {
    async read(path) {
      const epoch = /^epoch-(\d+)\/input\.json$/.exec(path)?.[1];
      if (epoch !== undefined) return one(`/api/v1/epochs/${epoch}/input`, 'input');
      const version = /^terms\/(\d+)\.json$/.exec(path)?.[1];
      return version === undefined ? undefined : one(`/api/v1/terms/${version}`, 'file');
    },
  };
}
const MISSING: ReadonlySet<string> = new Set([
  'epoch_unknown',
  'epoch_open',
  'epoch_closing',
  'terms_unknown',
]);

async function inputOf(files: PublishedFiles, epoch: number): Promise<EpochInput> {
  const text = await files.read(`epoch-${epoch}/input.json`);
  if (text !== undefined) return readable(epoch, text);
  throw new TributaryError(
    'epoch_unknown',
    `What epoch ${epoch} was settled by is not there: it is still open, or the pool keeps it private.`,
  );
}

function readable(epoch: number, text: string): EpochInput {
  try {
    const input = readInput(text);
    if (input.epoch === BigInt(epoch)) return input;
    throw new NotReadable(`it is of epoch ${input.epoch}`);
  } catch (cause) {
    if (!(cause instanceof NotReadable)) throw cause;
    const message = `epoch-${epoch}/input.json cannot be read: ${cause.message}.`;
    throw new TributaryError('input_missing', message, { cause });
  }
}

/** As far back as the window of the other terms reaches, and the files go. */
async function earlierInputs(
  files: PublishedFiles,
  { model }: Terms,
  from: number,
): Promise<readonly EpochInput[]> {
  if (model.kind !== 'sliding_window') return [];
  const earlier: EpochInput[] = [];
  const oldest = Math.max(0, from - Math.min(model.epochsMax, WINDOW_EPOCHS_MAX));
  for (let epoch = from - 1; epoch >= oldest; epoch -= 1) {
    const text = await files.read(`epoch-${epoch}/input.json`);
    if (text === undefined) break;
    earlier.unshift(readable(epoch, text));
  }
  return earlier;
}

/** What the epochs came to, by the terms that they had. */
async function settledBefore(
  files: PublishedFiles,
  inputs: readonly EpochInput[],
): Promise<readonly Settlement[]> {
  const known = new Map<number, Terms>([[0, { ...defaultTerms, version: 0 }]]);
  const settled: Settlement[] = [];
  for (const input of inputs) {
    const version = input.termsVersion;
    const terms = known.get(version) ?? (await termsOf(files, version));
    known.set(version, terms);
    settled.push(settleEpoch(terms, input));
  }
  return settled;
}

async function termsOf(files: PublishedFiles, version: number): Promise<Terms> {
  const text = await files.read(`terms/${version}.json`);
  const read = text === undefined ? undefined : readPublished(text, nodeHashing);
  if (read?.ok) return read.published.terms;
  const why = read ? `cannot be read: ${read.text}` : 'is not there';
  throw new TributaryError('input_missing', `terms/${version}.json ${why}.`);
}

function poolOf(settlements: readonly Settlement[]) {
  const sum = (of: (settlement: Settlement) => Amounts) =>
    createTally(...settlements.map(of)).amounts();
  return {
    commission: sum(({ commission }) => commission),
    penalties: sum(({ penalties }) => penalties),
    toReserve: sum(({ toReserve }) => toReserve),
    fromReserve: sum(({ fromReserve }) => fromReserve),
    issued: sum(({ issued }) => issued),
    carried: settlements.at(-1)?.dust ?? {},
  };
}

function view(
  io: Io,
  shown: {
    readonly terms: Terms;
    readonly found: readonly Difference[];
    readonly nameOf: (worker: string) => string;
    readonly was: readonly Settlement[];
    readonly would: readonly Settlement[];
    readonly from: number;
    readonly to: number;
  },
): string {
  const { terms, found, nameOf, was, would, from, to } = shown;
  const paint = createPaint(io);
  const amount = (asset: string, value: bigint, sign = '') =>
    `${value > 0n ? sign : ''}${showUnits(value, decimalsOf(terms, asset))}`;
  const rows = found.map(({ worker, asset, was, wouldBe }) => [
    nameOf(worker),
    amount(asset, was),
    amount(asset, wouldBe),
    amount(asset, wouldBe - was, '+'),
    asset,
  ]);
  const columns = [
    { title: 'worker' },
    { title: 'was', align: 'right' },
    { title: 'would be', align: 'right' },
    { title: 'difference', align: 'right' },
    { title: '' },
  ] as const;
  const [before, after] = [poolOf(was), poolOf(would)];
  const pool = Object.keys(before).flatMap((key) => {
    const name = key as keyof typeof before;
    const text = (amounts: Amounts) =>
      entriesOf(amounts).map(([asset, value]) => `${amount(asset, value)} ${asset}`);
    const [a, b] = [text(before[name]), text(after[name])];
    if (a.length + b.length === 0) return [];
    const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
    const line = `  ${words}: ${a.join(', ') || 'nothing'}, would be ${b.join(', ') || 'nothing'}`;
    return wrap(line, VIEW_COLUMNS, '    ');
  });
  const epochs = from === to ? `Epoch ${from}` : `Epochs ${from} to ${to}`;
  return [
    paint('strong', `${epochs} under "${terms.name}": credits, what is held back included`),
    ...table(columns, rows, { paint, width: Math.max(VIEW_COLUMNS, io.columns) }),
    paint('strong', 'The pool'),
    ...pool,
    'Income is what it was: recognition and gas are not replayed, facts are those on record.',
  ].join('\n');
}

function decimalsOf(terms: Terms, asset: string): number {
  return terms.assets[asset as keyof Terms['assets']]?.decimals ?? 0;
}
