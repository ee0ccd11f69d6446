import { showCounted } from '../../src/base/figures.ts';
import { exampleOf } from '../../src/terms/example.ts';
import type { Terms } from '../../src/terms/terms.ts';
import type { Page } from '../page.ts';
import { Amounts } from '../parts/amount.tsx';
import { Hash } from '../parts/copy.tsx';
import { Facts } from '../parts/figures.tsx';
import { Notice } from '../parts/state.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { publicFrame } from './frame.ts';
import { promiseOf } from './home.tsx';
import { loadPool, loadTerms, type PublicPool } from './pool.ts';
import { amountViews } from './published.ts';
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
import { StatementOf } from './worker-epoch.tsx';

/** `/terms`: which terms were there, and which hold? */
export const termsListPage: Page = {
  path: '/terms',
  async show({ reader }) {
    const loaded = await loadPool(reader);
    const { pool } = loaded;
    return {
      frame: publicFrame(loaded, {
        title: 'Terms',
        description: `Every version of the terms of ${pool.name}.`,
        current: `/terms/${pool.terms.current}`,
      }),
      content: (
        <>
          <h1>Terms</h1>
          <p class="lead">
            {pool.terms.current === 0 ? (
              <>
                <a href="/terms/0">The default terms</a> settle the open epoch: this pool has not
                published its own.
              </>
            ) : (
              <>
                <a href={`/terms/${pool.terms.current}`}>Version {pool.terms.current}</a> settles
                the open epoch.
              </>
            )}{' '}
            A new version starts with a later epoch, never with one that has begun.
          </p>
          <Table
            caption="Versions of the terms, the newest first"
            rows={pool.terms.versions.toReversed()}
            keyOf={({ version }) => String(version)}
            empty="None is published yet."
            columns={[
              {
                title: 'Version',
                cell: ({ version }) => <a href={`/terms/${version}`}>Version {version}</a>,
              },
              { title: 'From epoch', figures: true, cell: ({ startsAtEpoch }) => startsAtEpoch },
              { title: 'Published', cell: ({ publishedAt }) => <Time at={publishedAt} /> },
              {
                title: 'Digest',
                cell: ({ digest }) => <Hash value={digest} label="Digest that was signed" />,
              },
            ]}
          />
        </>
      ),
    };
  },
};

/** `/terms/N`: what does this pool promise, and what would that come to? */
export const termsPage: Page = {
  path: '/terms/{version}',
  async show({ reader, params }) {
    if (!/^(?:0|[1-9]\d{0,8})$/.test(params.version ?? '')) return undefined;
    const loaded = await loadPool(reader);
    const terms = await loadTerms(reader, Number(params.version));
    if (!terms) return undefined;
    return {
      frame: publicFrame(loaded, {
        title: titleOf(terms),
        description: promiseOf(terms),
        current: `/terms/${terms.version}`,
      }),
      content: <TermsText terms={terms} of={loaded} />,
    };
  },
};

function titleOf({ version }: Terms): string {
  return version === 0 ? 'Default terms' : `Terms, version ${version}`;
}

function TermsText({ terms, of: { pool } }: { readonly terms: Terms; readonly of: PublicPool }) {
  const { version } = terms;
  const published = pool.terms.versions.find((one) => one.version === version);
  return (
    <>
      <p class="crumbs">
        <a href="/terms">All versions</a>
      </p>
      <h1>{titleOf(terms)}</h1>
      <p class="lead">{promiseOf(terms)}</p>
      {version !== pool.terms.current && (
        <Notice tone="attention" title="These are not the terms of the open epoch.">
          It is settled by <a href={`/terms/${pool.terms.current}`}>version {pool.terms.current}</a>
          .
        </Notice>
      )}
      <Facts
        of={termsFacts(terms).map(({ id, label, text }) => ({
          label,
          value: <span id={id}>{text}</span>,
        }))}
      />
      <section aria-labelledby="example">
        <h2 id="example">What that comes to</h2>
        <Worked terms={terms} />
      </section>
      {published && (
        <section aria-labelledby="signed">
          <h2 id="signed">Signed</h2>
          <p class="prose">
            Published <Time at={published.publishedAt} />, for epochs from {published.startsAtEpoch}{' '}
            on. The signature is over the digest{' '}
            <Hash value={published.digest} label="Digest of the terms" />; check it with{' '}
            <code>tributary terms verify</code>.
          </p>
        </section>
      )}
    </>
  );
}

/** A part of the terms as a sentence; `id` is the name that links of other pages use. */
export interface TermsFact {
  readonly id: string;
  readonly label: string;
  readonly text: string;
}

function fact(id: string, label: string, text: string): TermsFact {
  return { id, label, text };
}

/** All that terms say, part by part. */
export function termsFacts(terms: Terms): readonly TermsFact[] {
  const { payouts, disputes, expectations, refunds, income, rewards, holdback, groups } = terms;
  return [
    fact('split', 'Split', modelText(terms.model, terms)),
    ...(rewards
      ? [
          fact(
            'rewards',
            'LPT rewards',
            `Workers share ${percent(rewards.share)} of the rewards of the orchestrator itself; what its delegators get is not touched.`,
          ),
        ]
      : []),
    fact('epochs', 'Epoch', `${sentence(epochText(terms.epoch))}`),
    fact(
      'income',
      'Income',
      income.recognised === 'credited'
        ? 'Counts when a ticket of a gateway is credited, at its expected value: the pool bears the luck of the draw.'
        : 'Counts when a winning ticket is redeemed.',
    ),
    fact(
      'multipliers',
      'Multipliers',
      terms.multipliers.length === 0
        ? 'None: a pixel is a pixel.'
        : terms.multipliers.map(multiplierText).join(' '),
    ),
    fact(
      'penalties',
      'Penalties',
      terms.penalties.rules.length === 0
        ? 'None: failed work is not paid, and takes nothing from other work.'
        : terms.penalties.rules.map(penaltyText).join(' '),
    ),
    ...(groups.length > 0
      ? [
          fact(
            'groups',
            'Groups',
            `${list(groups.map(({ name }) => `"${name}"`))} ${groups.length === 1 ? 'has' : 'have'} rules of ${groups.length === 1 ? 'its' : 'their'} own.`,
          ),
        ]
      : []),
    fact('refunds', 'Refunds', REFUNDS[refunds.borneBy]),
    fact('payouts', 'Payouts', payoutsText(terms)),
    ...(holdback
      ? [
          fact(
            'holdback',
            'Held back',
            `${percent(holdback.share)} of each credit, payable ${holdback.epochs} ${holdback.epochs === 1 ? 'epoch' : 'epochs'} later.`,
          ),
        ]
      : []),
    fact('disputes', 'Disputes', disputesText(disputes)),
    fact(
      'expectations',
      'What is expected of you',
      [
        expectations.hardware ? ended(expectations.hardware) : 'No particular hardware.',
        expectations.uptime
          ? `Be there for ${percent(expectations.uptime)} of the time that you promise.`
          : 'No least time online.',
        expectations.notes ?? '',
      ]
        .filter((text) => text !== '')
        .join(' '),
    ),
    fact(
      'privacy',
      'What others see',
      terms.privacy === 'public'
        ? 'Every line of every worker is published, by the name that the operator enrolled it with.'
        : 'Only sums and a root are published; your line and its path are yours.',
    ),
    ...(payouts.conversions.length > 0
      ? [
          fact(
            'conversions',
            'Exchange',
            payouts.conversions
              .map(
                ({ from, to, source, ageMinutesMax }) =>
                  `${from} to ${to} at the rate of ${source}, no older than ${ageMinutesMax} min.`,
              )
              .join(' '),
          ),
        ]
      : []),
  ];
}

const REFUNDS: Readonly<Record<Terms['refunds']['borneBy'], string>> = {
  everyone: 'What a gateway takes back lowers the income that is shared.',
  pool: 'What a gateway takes back is made up by the reserve of the pool.',
  worker:
    'What a gateway takes back is taken from who did the work, as far as its credits of the epoch go.',
};

function payoutsText(terms: Terms): string {
  const { payouts, income } = terms;
  const threshold = thresholdText(terms);
  const parts = [
    `In ${list(payouts.assets, 'or')}, ${payoutRhythm(terms)}${threshold === '' ? '' : `, ${threshold}`}.`,
    payouts.feeShareMax
      ? `A payout waits while its fee would be more than ${percent(payouts.feeShareMax)} of it.`
      : '',
    payouts.latestDays === undefined
      ? ''
      : `After ${payouts.latestDays} days it is paid all the same, however small.`,
    income.gas === 'pool'
      ? 'Gas is borne by the pool.'
      : 'Gas that the pool spends is taken from the income before it is shared.',
  ];
  return parts.filter((part) => part !== '').join(' ');
}

function disputesText({
  openDays,
  answerDays,
  decideDays,
  late,
  setAside,
}: Terms['disputes']): string {
  return [
    `You may open one for ${openDays} days after a statement. The pool answers within ${answerDays} days, and it is decided within ${decideDays} more.`,
    late === 'upheld'
      ? 'If the pool is late, you get back what a penalty or refund took.'
      : 'If the pool is late, the dispute stays open and that is published.',
    setAside ? 'What is disputed is set aside until then.' : '',
  ]
    .filter((text) => text !== '')
    .join(' ');
}

function Worked({ terms }: { readonly terms: Terms }) {
  const { input, settlement, workers } = exampleOf(terms);
  return (
    <>
      <p class="prose">
        An epoch with <Amounts of={amountViews(input.income, terms)} /> of income and two workers,
        settled by these terms. The numbers are round; the rule is the one that settles real epochs.
      </p>
      {workers.map(({ worker, text }, at) => (
        <div key={worker} class="stack">
          <h3>
            {at === 0 ? 'First' : 'Second'} worker: {text}
          </h3>
          <StatementOf
            terms={terms}
            lines={settlement.lines.filter((line) => line.worker === worker)}
          />
        </div>
      ))}
      <p class="prose">
        The pool keeps <Amounts of={amountViews(settlement.commission, terms)} />
        {settlement.heldBack.length > 0 &&
          `; held back for later epochs: ${showCounted(settlement.heldBack.length, 'amount')}`}
        .
      </p>
    </>
  );
}

/** What an operator wrote, as a sentence among others. */
function ended(text: string): string {
  return /[.?!]$/.test(text.trim()) ? text : `${text}.`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
