import type { ComponentChildren } from 'preact';
import { showCount, showCounted } from '../../src/base/figures.ts';
import type { Terms } from '../../src/terms/terms.ts';
import { Amounts } from '../parts/amount.tsx';
import { Hash } from '../parts/copy.tsx';
import { Time } from '../parts/time.tsx';
import type { PublicPool } from './pool.ts';
import {
  epochText,
  list,
  modelText,
  multiplierText,
  payoutRhythm,
  penaltyText,
  percent,
  thresholdText,
} from './terms-words.ts';

/** A point that a careful GPU owner looks at before joining, answered in a line. */
export interface Point {
  readonly question: string;
  readonly answer: ComponentChildren;
  /** Where it is promised or shown in full. */
  readonly more: { readonly href: string; readonly label: string };
}

/** Everything that a GPU owner is told to check before joining, each answered from what the pool publishes. */
export function dueDiligence({ pool, terms, index }: PublicPool): readonly Point[] {
  const { version } = terms;
  const term = (place: string, label = version === 0 ? 'Default terms' : `Terms v${version}`) => ({
    href: `/terms/${version}#${place}`,
    label,
  });
  const epochs = index?.epochs.length ?? 0;
  return [
    {
      question: 'Who runs it',
      answer: <Identity pool={pool} />,
      more: { href: '/proofs#keys', label: 'Its keys' },
    },
    {
      question: 'Does it take outside GPUs',
      answer: pool.operator.outsideGpus
        ? 'Yes. Its operator gives you a join string for each machine; you need no stake and no chain account beyond a payout address.'
        : 'No: its operator takes nobody at present.',
      more: { href: '/join', label: 'How to join' },
    },
    {
      question: 'Hardware and VRAM',
      answer: hardwareText(terms, pool.operator.hardware),
      more: term('expectations'),
    },
    {
      question: 'Workloads',
      answer: `${list(pool.capabilities)}. You are given only what your machine says it can do.`,
      more: { href: '/docs/guides/join-with-a-gpu', label: 'The guide' },
    },
    {
      question: 'Regions',
      answer: regionText(terms, pool.operator.region),
      more: term('multipliers'),
    },
    {
      question: 'How revenue is split',
      answer: `${modelText(terms.model, terms)}${rewardsText(terms)}`,
      more: term('split'),
    },
    { question: 'Multipliers', answer: multipliersText(terms), more: term('multipliers') },
    { question: 'Penalties', answer: penaltiesText(terms), more: term('penalties') },
    {
      question: 'Asset, schedule, threshold',
      answer: `Paid in ${list(terms.payouts.assets, 'or')}, ${payoutRhythm(terms)}${comma(thresholdText(terms))}. Fees of the chain are ${terms.income.gas === 'pool' ? 'borne by the pool' : 'taken from the income before it is shared'}.`,
      more: term('payouts'),
    },
    {
      question: 'How usage is measured',
      answer:
        'The pool counts the pixels of what you encoded, from the video itself, and signs a receipt for each segment before it answers you. What your worker claims does not count.',
      more: { href: '/docs/explanations/proofs', label: 'Why that can be checked' },
    },
    {
      question: 'How earnings are calculated',
      answer: `Per epoch (${epochText(terms.epoch)}), by a published rule that anybody can run again: ${showCount(epochs)} ${epochs === 1 ? 'epoch is' : 'epochs are'} there to check.`,
      more: { href: '/epochs', label: 'Epochs' },
    },
    {
      question: 'Proofs',
      answer: privacyText(terms),
      more: { href: '/proofs', label: 'How to check' },
    },
    { question: 'Disputes', answer: disputesText(terms), more: term('disputes') },
    {
      question: 'Leaving',
      answer: `At any time, without asking: stop the worker. What you have earned stays yours and is paid by the same rules${holdbackText(terms)}.`,
      more: term('payouts'),
    },
    {
      question: 'Downtime and network changes',
      answer:
        'Announced here with who is affected and whether you must do anything. Running work is finished before a planned stop.',
      more: { href: '/incidents', label: 'Incidents' },
    },
    {
      question: 'Changes of terms',
      answer:
        'New terms start with a later epoch, never with one that has begun. Every version stays here, signed.',
      more: { href: '/terms', label: 'All versions' },
    },
    {
      question: 'Payouts so far',
      answer: <PayoutsText pool={pool} />,
      more: { href: '/payouts', label: 'Every payout' },
    },
  ];
}

function Identity({ pool }: { readonly pool: PublicPool['pool'] }) {
  const { name, contact } = pool.operator;
  return (
    <>
      {name === null ? 'Its operator publishes no name. ' : `${name}, by its own word. `}
      {contact === null ? 'It names no place to write to. ' : `To be reached at ${contact}. `}
      <OnChain pool={pool} />
    </>
  );
}

function OnChain({ pool: { chain, serviceUri } }: { readonly pool: PublicPool['pool'] }) {
  if (!chain) {
    return (
      <>
        Nobody on a chain: this pool runs off chain, for trying things out. It is reached at{' '}
        <code>{serviceUri}</code>.
      </>
    );
  }
  const { orchestrator, standing, id } = chain;
  return (
    <>
      Orchestrator <Hash value={orchestrator} label="Address of the orchestrator" /> on{' '}
      {chainText(id)}
      {standing ? (
        <>
          {standing.active ? ', in the active set' : ', not in the active set now'}, with a stake of{' '}
          <Amounts of={[standing.stake]} />. It keeps {ppm(standing.rewardCutPpm)} of its
          delegators’ rewards and {ppm(standing.feeCutPpm)} of fees
          {standing.serviceUri === null ? (
            '; no service address is registered'
          ) : (
            <>
              ; its service address on chain is <code>{standing.serviceUri}</code>
            </>
          )}
          .
        </>
      ) : (
        '. The chain was not asked yet.'
      )}
    </>
  );
}

function chainText(id: string): string {
  if (id === '42161') return 'Arbitrum One';
  return id === '31337' ? 'a local chain' : `chain ${id}`;
}

function ppm(value: string): string {
  return percent({ numerator: BigInt(value), denominator: 1_000_000n });
}

function hardwareText(
  { expectations: { hardware, uptime } }: Terms,
  wanted: string | null,
): string {
  const machine =
    hardware ??
    (wanted === null ? undefined : `The operator looks for: ${wanted}.`) ??
    'Any machine that encodes H.264: a GPU with NVENC, or a CPU. No least VRAM is asked for.';
  return uptime === undefined
    ? `${machine} No least time online.`
    : `${machine} You shall be there for ${percent(uptime)} of the time that you promise.`;
}

function regionText({ multipliers, groups }: Terms, own: string | null): string {
  const here = own === null ? '' : ` The pool itself is in ${own}.`;
  const regions = [
    ...multipliers.flatMap(({ when }) => (when.kind === 'region' ? [when.is] : [])),
    ...groups.flatMap(({ members }) => (members.kind === 'region' ? [members.is] : [])),
  ];
  return regions.length === 0
    ? `Any. All are paid alike; segments go to whoever is fast enough.${here}`
    : `Any. ${list([...new Set(regions)])} ${regions.length === 1 ? 'has a rule of its own' : 'have rules of their own'}.${here}`;
}

function rewardsText({ rewards }: Terms): string {
  return rewards ? ` Of the pool's LPT rewards workers share ${percent(rewards.share)}.` : '';
}

function multipliersText({ multipliers }: Terms): string {
  return multipliers.length === 0
    ? 'None: a pixel is a pixel.'
    : multipliers.map(multiplierText).join(' ');
}

function penaltiesText({ penalties: { rules, goTo } }: Terms): string {
  if (rules.length === 0)
    return 'None: failed work is not paid, and takes nothing from other work.';
  const where = goTo === 'workers' ? 'shared among the workers' : 'kept by the pool';
  return `${rules.map(penaltyText).join(' ')} What is taken is ${where}.`;
}

function privacyText({ privacy }: Terms): string {
  return privacy === 'public'
    ? 'Every epoch is published with every line, signed, in a tree that your browser can recompute.'
    : 'Every epoch is published as a signed root; you alone get your line, with the path that proves it.';
}

function disputesText({ disputes: { openDays, answerDays, decideDays, late } }: Terms): string {
  const kept =
    late === 'upheld'
      ? 'If the pool is late, you get back what was taken.'
      : 'If the pool is late, that is published.';
  return `Open one within ${showCounted(openDays, 'day')} of the statement; the pool answers within ${answerDays} and it is decided within ${decideDays} more. ${kept}`;
}

function holdbackText({ holdback }: Terms): string {
  if (!holdback) return '';
  return `; ${percent(holdback.share)} of each credit becomes payable ${showCounted(holdback.epochs, 'epoch')} later`;
}

function PayoutsText({ pool: { payouts } }: { readonly pool: PublicPool['pool'] }) {
  if (payouts.count === 0) {
    return (
      <>
        None yet
        {payouts.nextAt ? (
          <>
            ; the first is due <Time at={payouts.nextAt} />
          </>
        ) : (
          ''
        )}
        .
      </>
    );
  }
  return (
    <>
      {payoutsText(payouts)}, <Amounts of={payouts.paid} /> in all,{' '}
      {payouts.late === 0 ? 'none late' : `${showCount(payouts.late)} late`}.
    </>
  );
}

/** `1 payout to 1 worker`. */
export function payoutsText({
  count,
  workers,
}: {
  readonly count: number;
  readonly workers: number;
}): string {
  const [paid, to] = [count === 1 ? 'payout' : 'payouts', workers === 1 ? 'worker' : 'workers'];
  return `${showCount(count)} ${paid} to ${showCount(workers)} ${to}`;
}

function comma(text: string): string {
  return text === '' ? '' : `, ${text}`;
}
