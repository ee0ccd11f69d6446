import type { AssetId } from '../base/asset.ts';
import { idleWorker } from './idle-worker.ts';
import { settleEpoch } from './settle.ts';
import type { Amounts, EpochInput, HeldBack, Settlement, WorkerInput } from './settle-types.ts';
import { createTally, entriesOf, type Tally } from './tally.ts';
import { groupOf, type PayoutModel, type Terms } from './terms.ts';

/**
 * What epochs would have come to under other terms. Work, income and refunds are as they were; what
 * follows from the terms is made anew: groups, the dust and the reserve that each epoch hands on, what
 * is held back and released, and the units in a sliding window.
 *
 * @param inputs of one epoch after the other, without a gap
 * @param earlier inputs of epochs before them, as far as they are there: for the window
 */
export function replay(
  terms: Terms,
  inputs: readonly EpochInput[],
  earlier: readonly EpochInput[] = [],
): readonly Settlement[] {
  const [first] = inputs;
  if (!first) return [];
  const done = unitsPerWorker([...earlier, ...inputs]);
  const carried = createTally(first.carried);
  const reserve = createTally(first.reserve ?? {});
  const held: HeldBack[] = [];
  return inputs.map((input, index) => {
    const before = inputs[index - 1];
    if (before && input.epoch !== before.epoch + 1n) {
      throw new RangeError(`epoch ${before.epoch} is followed by ${input.epoch}`);
    }
    const settlement = settleEpoch(terms, {
      ...input,
      termsVersion: terms.version,
      carried: carried.amounts(),
      reserve: reserve.amounts(),
      workers: workersOf(terms, input, { first: first.epoch, held, done }),
    });
    set(carried, settlement.dust);
    for (const [asset, value] of entriesOf(settlement.toReserve)) reserve.add(asset, value);
    for (const [asset, value] of entriesOf(settlement.fromReserve)) reserve.add(asset, -value);
    held.push(...settlement.heldBack);
    return settlement;
  });
}

interface Replayed {
  readonly first: bigint;
  readonly held: readonly HeldBack[];
  readonly done: ReadonlyMap<string, ReadonlyMap<bigint, bigint>>;
}

function workersOf(terms: Terms, input: EpochInput, now: Replayed): readonly WorkerInput[] {
  const span = windowOf(terms);
  const there = new Map(input.workers.map((worker) => [worker.worker, worker]));
  const others = [...now.done.keys()]
    .filter((worker) => !there.has(worker))
    .map((worker) => idleWorker(worker));
  return [...there.values(), ...others].flatMap((worker): WorkerInput[] => {
    // What was held back before the replay began was so under the terms of then.
    const kept = (worker.releases ?? []).filter(({ epoch }) => epoch < now.first);
    const due = now.held
      .filter((each) => each.worker === worker.worker && each.releaseEpoch === input.epoch)
      .map(({ asset, amount }) => ({ epoch: input.epoch, asset, amount }));
    const window = [...(now.done.get(worker.worker) ?? [])]
      .filter(([epoch]) => epoch < input.epoch && input.epoch - epoch < span)
      .map(([epoch, units]) => ({ epoch, units }));
    const isThere = there.has(worker.worker) || due.length > 0 || window.length > 0;
    if (!isThere) return [];
    return [{ ...worker, group: groupOf(terms, worker), releases: [...kept, ...due], window }];
  });
}

/** Units per worker and epoch: of the epochs themselves, and of the windows that they were given. */
function unitsPerWorker(inputs: readonly EpochInput[]): Replayed['done'] {
  const done = new Map<string, Map<bigint, bigint>>();
  for (const { epoch, workers } of inputs) {
    for (const { worker, units, window = [] } of workers) {
      const own = done.get(worker) ?? new Map<bigint, bigint>();
      done.set(worker, own);
      if (units > 0n) own.set(epoch, units);
      for (const each of window) if (!own.has(each.epoch)) own.set(each.epoch, each.units);
    }
  }
  return done;
}

/** Epochs that a sliding window reaches over, this one included. */
function windowOf(terms: Terms): bigint {
  const models: readonly PayoutModel[] = [
    terms.model,
    ...terms.groups.flatMap(({ model }) => model ?? []),
  ];
  return models.reduce(
    (most, model) =>
      model.kind === 'sliding_window' && BigInt(model.epochsMax) > most
        ? BigInt(model.epochsMax)
        : most,
    0n,
  );
}

function set(tally: Tally, amounts: Amounts): void {
  for (const [asset, value] of entriesOf(tally.amounts())) tally.add(asset, -value);
  for (const [asset, value] of entriesOf(amounts)) tally.add(asset, value);
}

/** What one worker got, and would have got, in one asset. Held back is counted as got. */
export interface Difference {
  readonly worker: string;
  readonly asset: AssetId;
  readonly was: bigint;
  readonly wouldBe: bigint;
}

/** Credits per worker over all epochs, what is still held back included, releases not twice. */
export function differences(
  was: readonly Settlement[],
  wouldBe: readonly Settlement[],
): readonly Difference[] {
  const [before, after] = [creditsOf(was), creditsOf(wouldBe)];
  const workers = [...new Set([...before.keys(), ...after.keys()])].sort();
  return workers.flatMap((worker) => {
    const [a, b] = [before.get(worker) ?? createTally(), after.get(worker) ?? createTally()];
    const assets = Object.keys(createTally(a.amounts(), b.amounts()).amounts()) as AssetId[];
    return assets.map((asset) => ({ worker, asset, was: a.of(asset), wouldBe: b.of(asset) }));
  });
}

function creditsOf(settlements: readonly Settlement[]): ReadonlyMap<string, Tally> {
  const credits = new Map<string, Tally>();
  for (const { lines } of settlements) {
    for (const { worker, kind, asset, amount } of lines) {
      if (kind === 'holdback' || kind === 'release') continue;
      const own = credits.get(worker) ?? createTally();
      credits.set(worker, own);
      own.add(asset, amount);
    }
  }
  return credits;
}
