import { ETH } from '../../base/asset.ts';
import { TributaryError } from '../../base/errors.ts';
import { idleWorker } from '../../terms/idle-worker.ts';
import { replay } from '../../terms/replay.ts';
import type { EpochInput, Settlement } from '../../terms/settle-types.ts';
import { groupOf, type Terms } from '../../terms/terms.ts';
import type { Grid, ShadowBook, WorkSum } from './shadow-book.ts';

const DAY_MS = 86_400_000;
/**
 * A round has 5,760 blocks of 12 s; which number it had is not in a book (protocol:
 * RoundsManager.roundLength on mainnet).
 */
const ROUND_MS = 5_760 * 12_000;
/** 1970 began on a Thursday; weeks begin on Mondays. */
const MONDAY_MS = 4 * DAY_MS;
/** Ten years of days; more is a wrong time in a line. */
const EPOCHS_MAX = 4_000;

/** One epoch of a book as the terms would have settled it. */
export interface ShadowEpoch {
  /** From 1. */
  readonly number: bigint;
  /** Milliseconds since 1970; the end is not part of it. */
  readonly from: number;
  readonly to: number;
  readonly input: EpochInput;
  readonly settlement: Settlement;
}

/** All of a book under some terms. */
export interface Reckoned {
  readonly epochs: readonly ShadowEpoch[];
  /** Where income comes from: tickets where the book has any, else the fees of its work. */
  readonly incomeFrom: 'tickets' | 'fees' | 'nothing';
}

/**
 * What these terms would have paid for everything in a book. Income is what tickets won, at the time
 * that the terms recognise it: when they won for `credited`, since what tickets are expected to bring
 * is not known afterwards, or when they were redeemed. Throws `import_wrong` for a book that spans
 * more than ten years.
 */
export function reckon(book: ShadowBook, terms: Terms): Reckoned {
  const grid = gridOf(terms);
  const work = book.work(grid);
  const tickets = book.tickets(grid, terms.income.recognised === 'credited' ? 'won' : 'redeemed');
  const hasFees = work.some(({ feeWei }) => feeWei > 0n);
  const incomeFrom = tickets.length > 0 ? 'tickets' : hasFees ? 'fees' : 'nothing';
  const places = [...work, ...tickets].map(({ epoch }) => epoch);
  if (places.length === 0) return { epochs: [], incomeFrom };
  const first = places.reduce((a, b) => Math.min(a, b));
  const last = places.reduce((a, b) => Math.max(a, b));
  if (last - first >= EPOCHS_MAX) {
    const spans = `${last - first + 1} epochs`;
    throw new TributaryError('import_wrong', `The book spans ${spans}: a time in it is wrong.`);
  }
  const byEpoch = Map.groupBy(work, ({ epoch }) => epoch);
  const income = new Map(tickets.map((one) => [one.epoch, one]));
  const inputs = Array.from({ length: last - first + 1 }, (_, index): EpochInput => {
    const place = first + index;
    const own = byEpoch.get(place) ?? [];
    const from = grid.offsetMs + place * grid.lengthMs;
    const won = income.get(place);
    const fees = own.reduce((sum, { feeWei }) => sum + feeWei, 0n);
    const wei = incomeFrom === 'tickets' ? (won?.wei ?? 0n) : fees;
    const kind = incomeFrom === 'tickets' ? 'tickets_redeemed' : 'other';
    const transactions = won?.transactions ?? [];
    return {
      epoch: BigInt(index + 1),
      opensAt: from,
      closesAt: from + grid.lengthMs,
      termsVersion: terms.version,
      income: wei === 0n ? {} : { [ETH]: wei },
      incomeLines: wei === 0n ? [] : [{ kind, asset: ETH, amount: wei, transactions }],
      carried: {},
      workers: own.map((each) => inputOf(terms, each)),
    };
  });
  const settled = replay(terms, inputs);
  return {
    incomeFrom,
    epochs: inputs.map((input, index) => ({
      number: input.epoch,
      from: input.opensAt,
      to: input.closesAt,
      input,
      settlement: settled[index] as Settlement,
    })),
  };
}

function inputOf(terms: Terms, sum: WorkSum): EpochInput['workers'][number] {
  const { worker, units, jobs, failed, sourceMs, deviceMs, feeWei } = sum;
  return {
    ...idleWorker(worker),
    group: groupOf(terms, { worker, facts: {} }),
    ...{ units, jobs, sourceMs, deviceMs },
    failedAttempts: failed,
    grossFee: feeWei === 0n ? {} : { [ETH]: feeWei },
  };
}

function gridOf({ epoch }: Terms): Grid {
  switch (epoch.period) {
    case 'day':
      return { lengthMs: DAY_MS, offsetMs: 0 };
    case 'week':
      return { lengthMs: 7 * DAY_MS, offsetMs: MONDAY_MS };
    case 'round':
      return { lengthMs: ROUND_MS * Number(epoch.rounds), offsetMs: 0 };
  }
}
