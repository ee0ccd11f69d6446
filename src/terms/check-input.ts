import { TributaryError } from '../base/errors.ts';
import type { Amounts, EpochInput, Settlement, WorkerInput } from './settle-types.ts';
import { assetsOf, createTally, entriesOf } from './tally.ts';
import { DEFAULT_GROUP, type Terms } from './terms.ts';

/** The workers of an input by id. Throws RangeError for what no epoch can have. */
export function check(terms: Terms, input: EpochInput): readonly WorkerInput[] {
  if (input.termsVersion !== terms.version) {
    throw new RangeError(`epoch ${input.epoch} is settled by version ${input.termsVersion}`);
  }
  notNegative('income', input.income);
  notNegative('carried', input.carried);
  const groups = new Set([DEFAULT_GROUP, ...terms.groups.map(({ name }) => name)]);
  const ids = new Set<string>();
  for (const worker of input.workers) {
    if (ids.has(worker.worker)) throw new RangeError(`worker ${worker.worker} is there twice`);
    ids.add(worker.worker);
    if (!groups.has(worker.group)) throw new RangeError(`there is no group ${worker.group}`);
    notNegative('gross fee', worker.grossFee);
    const { jobs, units, sourceMs, deviceMs, failedAttempts, failedChecks, onlineMs, promisedMs } =
      worker;
    const counts = { jobs, units, sourceMs, deviceMs, failedAttempts, failedChecks, onlineMs };
    for (const [name, value] of Object.entries({ ...counts, promisedMs })) {
      if (value < 0n) throw new RangeError(`${name} of worker ${worker.worker} is negative`);
    }
    const { releases = [], refunds = [], awards = [] } = worker;
    for (const each of [...releases, ...refunds, ...awards]) {
      notNegative('release, refund or award', { [each.asset]: each.amount });
    }
    for (const each of worker.window ?? []) {
      if (each.units < 0n) throw new RangeError('units of a window are negative');
    }
  }
  return [...input.workers].sort((a, b) => (a.worker < b.worker ? -1 : 1));
}

function notNegative(name: string, amounts: Amounts): void {
  for (const [asset, value] of entriesOf(amounts)) {
    if (value < 0n) throw new RangeError(`${name} in ${asset} is negative`);
  }
}

/** Not one base unit appears or disappears, and each worker's lines add up to what it is owed. */
export function conserve(input: EpochInput, settlement: Settlement): void {
  const { commission, penalties, toReserve, dust, fromReserve, issued, released } = settlement;
  const { awarded = {} } = settlement;
  const owed = Object.values(settlement.owed);
  const held = settlement.heldBack.map(({ asset, amount }) => ({ [asset]: amount }));
  const into = createTally(input.income, input.carried, fromReserve, issued, released, awarded);
  const out = createTally(...owed, ...held, commission, penalties, toReserve, dust);
  for (const asset of assetsOf(into.amounts(), out.amounts())) {
    if (into.of(asset) !== out.of(asset)) throw broken(`${asset} does not add up`);
    if (out.of(asset) < 0n) throw broken(`${asset} is negative`);
  }
  const lines = new Map<string, bigint>();
  for (const { worker, asset, amount } of settlement.lines) {
    const key = `${worker} ${asset}`;
    lines.set(key, (lines.get(key) ?? 0n) + amount);
  }
  for (const [worker, amounts] of Object.entries(settlement.owed)) {
    for (const [asset, value] of entriesOf(amounts)) {
      if (value < 0n) throw broken(`worker ${worker} would owe the pool`);
      const key = `${worker} ${asset}`;
      if (lines.get(key) !== value) throw broken(`the lines of worker ${worker} do not add up`);
      lines.delete(key);
    }
  }
  for (const [key, value] of lines) if (value !== 0n) throw broken(`${key} has lines only`);
}

function broken(text: string): TributaryError {
  return new TributaryError('internal', `the settlement does not conserve: ${text}`);
}
