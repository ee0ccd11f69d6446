import type { AssetId } from '../base/asset.ts';
import { shareOf } from '../base/split.ts';
import type { Credit, PotWorker } from './models/model.ts';
import { takeApart } from './multipliers.ts';
import { penaltiesOf } from './penalties.ts';
import { showDecimal, showPercentage } from './ratio.ts';
import type {
  Amounts,
  EpochInput,
  HeldBack,
  LineKind,
  StatementLine,
  WorkerInput,
} from './settle-types.ts';
import { createTally, entriesOf, type Tally } from './tally.ts';
import type { Multiplier, Terms } from './terms.ts';

/** Where what a worker does not get goes to. */
export interface Accounts {
  readonly commission: Tally;
  readonly penalties: Tally;
  readonly dust: Tally;
  readonly released: Tally;
  readonly awarded: Tally;
}

/** One worker's statement. */
export interface SettledWorker {
  readonly worker: string;
  readonly lines: readonly StatementLine[];
  readonly owed: Amounts;
  readonly heldBack: readonly HeldBack[];
}

/**
 * From credits to what is payable, in this order: multipliers shown apart, commission, penalties (of
 * what is left), refunds, holdback, releases, awards. Each is rounded down and none takes more than there is.
 */
export function settleWorker(
  terms: Terms,
  { epoch }: EpochInput,
  worker: PotWorker,
  credits: readonly Credit[],
  accounts: Accounts,
): SettledWorker {
  const { input } = worker;
  const lines: StatementLine[] = [];
  const owed = createTally();
  const heldBack: HeldBack[] = [];
  const write = (
    kind: LineKind,
    asset: AssetId,
    amount: bigint,
    text: string,
    more: Pick<StatementLine, 'units' | 'rate' | 'evidence'> = {},
  ) => {
    owed.add(asset, amount);
    lines.push({ worker: input.worker, kind, asset, amount, ...more, text });
  };
  const group = terms.groups.find(({ name }) => name === input.group);

  for (const credit of credits) {
    const { asset, units, rate } = credit;
    const apart = takeApart(
      credit.amount,
      credit.isMultiplied ? worker.multiplied : { ...worker.multiplied, fitting: [] },
    );
    write(credit.kind, asset, apart.base, credit.text, { units, ...(rate ? { rate } : {}) });
    for (const { multiplier, change } of apart.steps) {
      const evidence = evidenceOf(input, epoch, multiplier.when.kind);
      const factor = showDecimal(multiplier.factor);
      write('multiplier', asset, change, `${multiplier.name}: ${reasonOf(multiplier)}`, {
        rate: factor,
        evidence,
      });
    }
    const commission = group?.commission ?? terms.commission;
    const taken = shareOf(credit.amount, commission.numerator, commission.denominator);
    if (!credit.bearsCommission || taken === 0n) continue;
    accounts.commission.add(asset, taken);
    write('commission', asset, -taken, 'commission of the pool', {
      rate: showPercentage(commission),
    });
  }

  const fines = terms.penalties.goTo === 'pool' ? accounts.penalties : accounts.dust;
  for (const [asset, earned] of entriesOf(owed.amounts())) {
    for (const { penalty, count, ratio } of penaltiesOf(terms.penalties.rules, input)) {
      const wanted = shareOf(earned, ratio.numerator, ratio.denominator);
      const taken = least(wanted, owed.of(asset));
      if (taken === 0n) continue;
      fines.add(asset, taken);
      write('penalty', asset, -taken, penaltyText(penalty.for, count, penalty.free), {
        rate: showPercentage(ratio),
        evidence: evidenceOf(input, epoch, penalty.for),
      });
    }
  }

  if (terms.refunds.borneBy === 'worker') {
    for (const refund of input.refunds ?? []) {
      const taken = least(refund.amount, owed.of(refund.asset));
      if (taken === 0n) continue;
      accounts.dust.add(refund.asset, taken);
      write('refund', refund.asset, -taken, 'taken back by the gateway', { evidence: refund.id });
    }
  }

  const holdback = group?.holdback ?? terms.holdback;
  if (holdback) {
    const releaseEpoch = epoch + BigInt(holdback.epochs);
    for (const [asset, value] of entriesOf(owed.amounts())) {
      const held = shareOf(value, holdback.share.numerator, holdback.share.denominator);
      if (held === 0n) continue;
      heldBack.push({ worker: input.worker, asset, amount: held, releaseEpoch });
      write('holdback', asset, -held, `held back until epoch ${releaseEpoch}`, {
        rate: showPercentage(holdback.share),
      });
    }
  }
  for (const release of input.releases ?? []) {
    if (release.amount === 0n) continue;
    accounts.released.add(release.asset, release.amount);
    write('release', release.asset, release.amount, `held back in epoch ${release.epoch}`);
  }
  for (const { dispute, asset, amount } of input.awards ?? []) {
    if (amount === 0n) continue;
    accounts.awarded.add(asset, amount);
    write('award', asset, amount, 'awarded in a dispute', { evidence: dispute });
  }
  return { worker: input.worker, lines, owed: owed.amounts(), heldBack };
}

/** The id under which the reason of a line can be looked up: the given one, or a name for it. */
function evidenceOf(input: WorkerInput, epoch: bigint, kind: string): string {
  const found = input.evidence.find((evidence) => evidence.kind === kind);
  return found?.id ?? `epoch-${epoch}/${input.worker}/${kind}`;
}

function reasonOf({ when }: Multiplier): string {
  switch (when.kind) {
    case 'hardware_class':
      return `hardware is ${when.is}`;
    case 'region':
      return `region is ${when.is}`;
    case 'speed_percentile':
      return `as fast as ${when.atLeast} % of the pool, or faster`;
    case 'member_epochs':
      return `with the pool for ${when.atLeast} epochs`;
  }
}

const penaltyNames = {
  failed_attempts: 'failed attempts',
  failed_checks: 'failed checks',
  offline: '% of the promised time not there',
} as const;

function penaltyText(kind: keyof typeof penaltyNames, count: bigint, free: bigint): string {
  return `${count} ${penaltyNames[kind]}, ${free} of them free`;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
