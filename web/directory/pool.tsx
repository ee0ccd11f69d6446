import type { ListedPool, WholePool } from '../../src/api/directory-views.ts';
import { showCount, showCounted, showSpan } from '../../src/base/figures.ts';
import type { Page } from '../page.ts';
import { Amount, Amounts } from '../parts/amount.tsx';
import { Hash } from '../parts/copy.tsx';
import { Facts, type Figure, Figures } from '../parts/figures.tsx';
import { Notice, StateText, type Tone } from '../parts/state.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { Timeline } from '../parts/timeline.tsx';
import { promiseOf } from '../public/home.tsx';
import { termsFacts } from '../public/terms.tsx';
import { directoryFrame, loadDirectory } from './frame.tsx';
import { epochsText, payoutsText } from './list.tsx';
import { chainText, hostOf, nameOf, ppmText, shareText, standings, termsOf } from './words.tsx';

/** `/pools/ID`: does this pool keep its word? */
export const poolPage: Page = {
  path: '/pools/{pool}',
  async show({ reader, params, request }) {
    const [directory, pool] = await Promise.all([
      loadDirectory(reader),
      reader.json<WholePool>(`/api/v1/pools/${params.pool}`),
    ]);
    if (!pool) return undefined;
    const terms = termsOf(pool);
    const lead = terms
      ? promiseOf(terms)
      : 'No manifest that could be taken was found at this address.';
    return {
      frame: directoryFrame(directory, { title: nameOf(pool), description: lead }),
      content: (
        <>
          <p class="crumbs">
            <a href="/">All pools</a>
          </p>
          <h1>{nameOf(pool)}</h1>
          <p class="lead">{lead}</p>
          <Verdict pool={pool} now={request.now} />
          {pool.says && (
            <>
              <section aria-labelledby="checks">
                <h2 id="checks">What was checked</h2>
                <Facts of={pool.checks.map(checkFact)} />
              </section>
              <Measured pool={pool} />
              <section aria-labelledby="terms">
                <h2 id="terms">What it promises</h2>
                <p class="prose">
                  {pool.says.terms.version === 0
                    ? 'The default terms: this pool has published none of its own.'
                    : `Version ${pool.says.terms.version} of its terms, `}
                  {pool.says.terms.version > 0 && (
                    <>
                      digest <Hash value={pool.says.terms.digest} label="Digest of the terms" />.
                    </>
                  )}{' '}
                  Check it yourself: <code>tributary terms verify {pool.url}</code>.
                </p>
                {terms && (
                  <Facts
                    of={termsFacts(terms).map(({ label, text }) => ({ label, value: text }))}
                  />
                )}
              </section>
              <Who pool={pool} says={pool.says} />
              <Epochs pool={pool} />
            </>
          )}
        </>
      ),
    };
  },
};

function Verdict({ pool, now }: { readonly pool: WholePool; readonly now: number }) {
  const { tone, label, text } = standings[pool.standing];
  const ago = pool.lookedAt === null ? undefined : now - Date.parse(pool.lookedAt);
  const when = ago !== undefined && (ago < 90_000 ? 'just now' : `${showSpan(ago)} ago`);
  const failing = pool.checks.filter(({ result }) => result === 'fails');
  return (
    <Notice tone={tone} title={`${label}.`}>
      {failing.length === 0 ? text : failing.map((one) => one.text).join(' ')}
      {when && ` Last look: ${when}.`}
    </Notice>
  );
}

const RESULTS: Readonly<
  Record<'holds' | 'fails' | 'unknown', { readonly tone: Tone; readonly label: string }>
> = {
  holds: { tone: 'good', label: 'Holds.' },
  fails: { tone: 'wrong', label: 'Fails.' },
  unknown: { tone: 'muted', label: 'Not known.' },
};
const AWAY = { tone: 'attention', label: 'Not answering.' } as const;
const NAMES: Readonly<Record<ListedPool['checks'][number]['name'], string>> = {
  manifest: 'Manifest',
  identity: 'Who it is',
  service: 'Service',
  terms: 'Terms',
  proofs: 'Proofs',
  payouts: 'Payouts',
};

function checkFact({ name, result, text, since }: ListedPool['checks'][number]): Figure {
  const isAway = name === 'service' && result === 'unknown';
  const { tone, label } = isAway ? AWAY : RESULTS[result];
  return {
    label: NAMES[name],
    value: (
      <>
        <StateText tone={tone}>{label}</StateText> {text}
      </>
    ),
    note:
      since === null ? undefined : (
        <>
          since <Time at={since} />
        </>
      ),
  };
}

function Measured({ pool }: { readonly pool: WholePool }) {
  const { measured, days, says } = pool;
  const { uptime30 } = measured;
  return (
    <section aria-labelledby="measured">
      <h2 id="measured">What was measured</h2>
      <Figures
        of={[
          {
            label: 'Uptime of the service, 30 days',
            value: shareText(uptime30.service),
            note: `of ${showCounted(uptime30.checks, 'look')}; its page ${shareText(uptime30.page)}`,
          },
          {
            label: 'Epochs that hold',
            value: epochsText(measured),
            note: measured.proofsAt === null ? undefined : <Time at={measured.proofsAt} />,
          },
          {
            label: 'Payouts on chain',
            value: payoutsText(measured, says?.chainId),
            note: measured.payouts === 0 ? undefined : lateText(measured),
          },
          {
            label: 'Paid so far',
            value: <Amounts of={measured.paid} none="nothing" />,
            note:
              measured.credited.length === 0 ? undefined : (
                <>
                  of <Amounts of={measured.credited} none="nothing" /> credited
                </>
              ),
          },
        ]}
      />
      {measured.workersOverdue > 0 && (
        <p class="prose">
          {measured.workersOverdue === 1
            ? 'One worker is'
            : `${measured.workersOverdue} workers are`}{' '}
          owed more than the threshold for more than a day after the terms say it is paid. A worker
          may have chosen a higher threshold, or have given no address.
        </p>
      )}
      <h3 id="days">The last 90 days</h3>
      <Timeline
        days={days.map(({ day, service, page, checks }) => ({
          day,
          uptime: service,
          text:
            checks === 0
              ? 'not looked at'
              : `service ${shareText(service)}, page ${shareText(page)} of ${checks} looks`,
          href: '#days',
        }))}
      />
    </section>
  );
}

function lateText({ payoutsLate, lastPayoutAt }: ListedPool['measured']) {
  return (
    <>
      {payoutsLate === 0 ? 'none late' : `${showCount(payoutsLate)} late`}
      {lastPayoutAt !== null && (
        <>
          , last <Time at={lastPayoutAt} detail="date" />
        </>
      )}
    </>
  );
}

function Who({
  pool,
  says,
}: {
  readonly pool: WholePool;
  readonly says: NonNullable<WholePool['says']>;
}) {
  const { operator, orchestrator, account, chainId } = says;
  const { onChain } = pool;
  const facts: readonly Figure[] = [
    { label: 'Run by', value: operator.name ?? 'not said' },
    { label: 'Contact', value: operator.contact ?? 'not said' },
    { label: 'Region', value: operator.region ?? 'not said' },
    { label: 'Takes GPUs of others', value: says.outsideGpus ? 'Yes' : 'No' },
    { label: 'Hardware wanted', value: says.hardware ?? 'not said' },
    {
      label: 'Its own page',
      value: (
        <a href={pool.url} rel="noreferrer nofollow">
          {hostOf(pool.url)}
        </a>
      ),
    },
    { label: 'Service URI', value: says.serviceUri },
    ...(orchestrator === null
      ? [{ label: 'Chain', value: 'none: it works off chain' }]
      : [
          { label: 'Chain', value: chainText(chainId) },
          {
            label: 'Orchestrator',
            value: <Hash value={orchestrator} label="Address of the orchestrator" />,
          },
          ...(account === null || account === orchestrator
            ? []
            : [
                {
                  label: 'Signs for it',
                  value: <Hash value={account} label="Account that signs" />,
                },
              ]),
        ]),
    ...(onChain
      ? [
          { label: 'Stake', value: <Amount of={onChain.stake} /> },
          {
            label: 'Orchestrator keeps',
            value: `${ppmText(onChain.rewardCutPpm)} of rewards, ${ppmText(onChain.feeCutPpm)} of fees`,
          },
        ]
      : []),
    { label: 'Software', value: says.software },
    {
      label: 'Manifest',
      value: (
        <>
          signed <Time at={says.issuedAt} />,{' '}
          <a href={`/api/v1/pools/${pool.id}/manifest`}>as it was signed</a>
        </>
      ),
    },
  ];
  return (
    <section aria-labelledby="who">
      <h2 id="who">Who it is</h2>
      <Facts of={facts} />
    </section>
  );
}

function Epochs({ pool }: { readonly pool: WholePool }) {
  return (
    <section aria-labelledby="epochs">
      <h2 id="epochs">Epochs recomputed here</h2>
      <Table
        caption="Epochs that were recomputed and held, the newest first"
        rows={pool.epochs}
        keyOf={({ epoch }) => epoch}
        empty="None yet."
        columns={[
          { title: 'Epoch', figures: true, cell: ({ epoch }) => epoch },
          { title: 'Ended', cell: ({ closesAt }) => <Time at={closesAt} /> },
          {
            title: 'Terms',
            figures: true,
            cell: ({ termsVersion }) => (termsVersion === 0 ? 'default' : termsVersion),
          },
          {
            title: 'Record',
            cell: ({ digest }) => <Hash value={digest} label="Digest of the record" />,
          },
          {
            title: 'Held',
            cell: ({ steps, epoch }) => (
              <details>
                <summary>
                  {steps.length} checks<span class="visually-hidden"> of epoch {epoch}</span>
                </summary>
                <ul>
                  {steps.map((step) => (
                    <li key={step}>{step}</li>
                  ))}
                </ul>
              </details>
            ),
          },
        ]}
      />
    </section>
  );
}
