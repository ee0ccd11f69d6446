import { showCount, showCounted, showPixels } from '../../src/base/figures.ts';
import type { LeavesFile, PayoutsFile, SignedEpoch } from '../../src/proofs/files.ts';
import type { EpochInput } from '../../src/terms/settle-types.ts';
import type { Terms } from '../../src/terms/terms.ts';
import type { Page } from '../page.ts';
import { Amounts } from '../parts/amount.tsx';
import { Hash } from '../parts/copy.tsx';
import { Facts } from '../parts/figures.tsx';
import { Island } from '../parts/island.tsx';
import { Seal } from '../parts/seal.tsx';
import { Statement } from '../parts/statement.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { publicFrame } from './frame.ts';
import { PayoutTable, paidRows } from './payout-table.tsx';
import { loadPool, loadTerms } from './pool.ts';
import {
  amountView,
  amountViews,
  creditedIn,
  epochInput,
  epochLeaves,
  epochNumber,
  epochPayouts,
  signedEpoch,
  workerNames,
} from './published.ts';

/** Lines of workers on a page. */
const LINES_MAX = 100;

/** Everything that stands on the page of an epoch. */
interface EpochParts {
  readonly signed: SignedEpoch;
  readonly terms: Terms;
  readonly input: EpochInput | undefined;
  readonly leaves: LeavesFile['leaves'] | undefined;
  readonly payouts: PayoutsFile['payouts'];
  readonly names: ReadonlyMap<string, string>;
  /** How many lines stand before the first one shown. */
  readonly from: number;
}

/** `/epochs/N`: what did this epoch come to, and does it hold? */
export const epochPage: Page = {
  path: '/epochs/{epoch}',
  async show({ reader, request, params }) {
    const epoch = epochNumber(params.epoch);
    const signed = epoch === undefined ? undefined : await signedEpoch(reader, epoch);
    if (epoch === undefined || !signed) return undefined;
    const [loaded, terms, input, leaves, payouts, names] = await Promise.all([
      loadPool(reader),
      loadTerms(reader, signed.head.terms.version),
      epochInput(reader, epoch),
      epochLeaves(reader, epoch),
      epochPayouts(reader, epoch),
      workerNames(reader),
    ]);
    const from = Number(/^\d{1,9}$/.exec(request.query.get('from') ?? '')?.[0] ?? 0);
    return {
      frame: publicFrame(loaded, {
        title: `Epoch ${epoch}`,
        description: `What epoch ${epoch} of ${loaded.pool.name} came to, signed and checkable.`,
        current: '/epochs',
      }),
      content: (
        <Epoch of={{ signed, terms: terms ?? loaded.terms, input, leaves, payouts, names, from }} />
      ),
    };
  },
};

function Epoch({ of }: { readonly of: EpochParts }) {
  const { signed, terms, input, leaves, payouts, names, from } = of;
  const { head } = signed;
  return (
    <>
      <p class="crumbs">
        <a href="/epochs">Epochs</a>
      </p>
      <h1>Epoch {String(head.epoch)}</h1>
      <p class="lead">
        {head.leaves === 0 ? (
          'Nobody worked in this epoch, so there was nothing to share.'
        ) : (
          <>
            {showCount(head.leaves)} {head.leaves === 1 ? 'worker' : 'workers'} earned{' '}
            <Amounts of={amountViews(creditedIn(head), terms)} /> for{' '}
            {showPixels(head.totals.units)}.
          </>
        )}
      </p>
      <Island name="check-epoch" props={{ epoch: String(head.epoch) }}>
        <Seal seal={{ state: 'unchecked' }} />
      </Island>
      <section aria-labelledby="income">
        <h2 id="income">Where the money came from, and where it went</h2>
        <IncomeStatement of={of} />
        <Transactions input={input} />
      </section>
      <section aria-labelledby="workers">
        <h2 id="workers">What each worker earned</h2>
        {leaves === undefined && head.privacy === 'public' ? (
          <p class="empty">
            The list of {showCount(head.leaves)} workers is too long for a page. Take{' '}
            <a href={`/proofs/epoch-${head.epoch}/leaves.json`}>the file</a>; the check above reads
            all of it.
          </p>
        ) : leaves === undefined ? (
          <p class="empty">
            This pool shows each line to its own worker alone. The root below stands for all of
            them, and a worker proves its line with the path that it is given.
          </p>
        ) : (
          <Table
            caption={`Workers of epoch ${head.epoch}`}
            rows={leaves.slice(from, from + LINES_MAX)}
            keyOf={({ worker }) => worker}
            next={
              from + LINES_MAX < leaves.length
                ? `/epochs/${head.epoch}?from=${from + LINES_MAX}#workers`
                : undefined
            }
            empty="Nobody worked in this epoch."
            columns={[
              {
                title: 'Worker',
                cell: ({ worker }) => (
                  <a href={`/epochs/${head.epoch}/${worker}`}>{names.get(worker) ?? worker}</a>
                ),
              },
              { title: 'Pixels', figures: true, cell: ({ units }) => showPixels(units) },
              {
                title: 'Receipts so far',
                figures: true,
                cell: ({ lastSequence }) => showCount(lastSequence),
              },
              {
                title: 'Earned',
                figures: true,
                cell: ({ worker, amounts }) => (
                  <Amounts
                    of={Object.entries(amounts).map(([asset, { epoch }]) =>
                      amountView(asset, epoch, terms),
                    )}
                    href={`/epochs/${head.epoch}/${worker}`}
                  />
                ),
              },
              {
                title: 'Earned in all',
                figures: true,
                cell: ({ amounts }) => (
                  <Amounts
                    of={Object.entries(amounts).map(([asset, { cumulative }]) =>
                      amountView(asset, cumulative, terms),
                    )}
                  />
                ),
              },
            ]}
          />
        )}
      </section>
      <section aria-labelledby="payouts">
        <h2 id="payouts">Paid between this epoch and the next</h2>
        <PayoutTable
          caption={`Payouts after epoch ${head.epoch}`}
          rows={paidRows(payouts, terms)}
          names={names}
          empty="Nothing was paid in this time."
        />
      </section>
      <section aria-labelledby="record">
        <h2 id="record">The signed record</h2>
        <Record signed={signed} />
      </section>
    </>
  );
}

const INCOME_TEXTS: Readonly<Record<EpochInput['incomeLines'][number]['kind'], string>> = {
  tickets_credited: 'Tickets of gateways, at their expected value',
  tickets_redeemed: 'Winning tickets that were redeemed',
  reward: 'Rewards of the protocol',
  refund: 'Taken back by gateways',
  gas: 'Gas that the pool spent',
  other: 'Other',
};

function IncomeStatement({ of: { signed, terms, input } }: { readonly of: EpochParts }) {
  const { head } = signed;
  const assets = [...new Set([...Object.keys(head.income), ...head.assets])];
  return (
    <>
      {assets.map((asset) => {
        const named = asset as keyof typeof head.income;
        const income = (input?.incomeLines ?? []).filter((line) => line.asset === asset);
        const carried = input?.carried[named] ?? 0n;
        return (
          <Statement
            key={asset}
            caption={asset}
            lines={[
              ...(input
                ? income.map(({ kind, amount }) => ({
                    what: INCOME_TEXTS[kind],
                    amount: amountView(asset, amount, terms),
                  }))
                : [{ what: 'Income', amount: amountView(asset, head.income[named] ?? 0n, terms) }]),
              ...(carried === 0n
                ? []
                : [
                    {
                      what: 'Carried over from the epoch before',
                      amount: amountView(asset, carried, terms),
                    },
                  ]),
              {
                what: 'Commission of the pool',
                amount: amountView(asset, -(head.commission[named] ?? 0n), terms),
              },
              ...(head.dust[named]
                ? [
                    {
                      what: 'Remainder of rounding, carried to the next epoch',
                      amount: amountView(asset, -head.dust[named], terms),
                    },
                  ]
                : []),
            ]}
            total={{
              label: 'Credited to workers',
              amount: amountView(asset, creditedIn(head)[asset] ?? 0n, terms),
            }}
          />
        );
      })}
    </>
  );
}

function Transactions({ input }: { readonly input: EpochInput | undefined }) {
  const rows = (input?.incomeLines ?? []).flatMap(({ kind, transactions }) =>
    transactions.map((hash) => ({ kind, hash })),
  );
  if (rows.length === 0) {
    return (
      <p class="hint">
        {input
          ? 'This income is counted when a ticket arrives, at its expected value, so there is no transaction to show.'
          : 'The lines of this income are not shown here.'}
      </p>
    );
  }
  return (
    <details>
      <summary>{showCounted(rows.length, 'transaction')} that brought it</summary>
      <ul class="plain-list">
        {rows.map(({ kind, hash }) => (
          <li key={hash}>
            <Hash value={hash} label="Transaction" /> {INCOME_TEXTS[kind]}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Record({ signed: { head, key, signature } }: { readonly signed: SignedEpoch }) {
  const { version } = head.terms;
  return (
    <Facts
      of={[
        { label: 'Root', value: <Hash value={head.root} label="Root of the tree" /> },
        { label: 'Opened', value: <Time at={head.opensAt} /> },
        { label: 'Ended', value: <Time at={head.closesAt} /> },
        {
          label: 'Terms',
          value: (
            <a href={`/terms/${version}`}>
              {version === 0 ? 'Default terms' : `Version ${version}`}
            </a>
          ),
        },
        {
          label: 'Record before it',
          value: <Hash value={head.previous} label="Digest of the record before" />,
        },
        {
          label: 'History of receipts',
          value: <Hash value={head.history.root} label="Root of the history" />,
          note: showCounted(head.history.size, 'receipt'),
        },
        { label: 'Signed by', value: <Hash value={key} label="Receipt key" /> },
        { label: 'Signature', value: <Hash value={signature} label="Signature" /> },
        {
          label: 'Files',
          value: (
            <>
              {['epoch.json', 'input.json', 'leaves.json', 'history.json', 'payouts.json']
                .filter((name) => head.privacy === 'public' || !/input|leaves/.test(name))
                .map((name, at) => (
                  <span key={name}>
                    {at > 0 && ', '}
                    <a href={`/proofs/epoch-${head.epoch}/${name}`}>{name}</a>
                  </span>
                ))}
            </>
          ),
        },
      ]}
    />
  );
}
