import type { Terms } from '../../src/terms/terms.ts';
import type { Page } from '../page.ts';
import { Facts } from '../parts/figures.tsx';
import { Flow, flowOf } from '../parts/flow.tsx';
import { Island } from '../parts/island.tsx';
import { Notice } from '../parts/state.tsx';
import { Time } from '../parts/time.tsx';
import { Timeline } from '../parts/timeline.tsx';
import type { EstimateView, HistoryStep, IncidentView } from './api-views.ts';
import { Calculator } from './calculator.tsx';
import { dueDiligence } from './due-diligence.tsx';
import { publicFrame } from './frame.ts';
import { daysOf, measured, touches } from './history.ts';
import { Paused } from './paused.tsx';
import { loadPool, type PublicPool } from './pool.ts';
import { figuresOf, PoolFigures } from './pool-figures.tsx';
import { list, payoutRhythm, thresholdText, workersShare } from './terms-words.ts';

/** `/`: would I join this pool? */
export const homePage: Page = {
  path: '/',
  async show({ reader, request }) {
    const gpu = request.query.get('gpu')?.slice(0, 64) ?? '';
    const [loaded, days, incidents, known, answer] = await Promise.all([
      loadPool(reader),
      reader.json<readonly HistoryStep[]>('/api/v1/pool/history?by=day&days=30'),
      reader.json<{ readonly items: readonly IncidentView[] }>('/api/v1/incidents?limit=100'),
      reader.json<readonly EstimateView[]>('/api/v1/calculator'),
      gpu.trim() === ''
        ? undefined
        : reader.json<EstimateView>(`/api/v1/calculator/${encodeURIComponent(gpu)}`),
    ]);
    return {
      frame: publicFrame(loaded, {
        title: loaded.pool.name,
        description: promiseOf(loaded.terms),
        current: '/',
      }),
      content: (
        <Home
          of={loaded}
          past={{
            days: days ?? [],
            incidents: incidents?.items ?? [],
            known: known ?? [],
            answer,
          }}
          now={request.now}
        />
      ),
    };
  },
};

/** What the pool promises, in one sentence with its numbers. */
export function promiseOf(terms: Terms): string {
  const { model, payouts } = terms;
  const what =
    model.kind === 'fixed_rate' || model.kind === 'pool_token'
      ? 'Pays GPU owners a fixed rate for their work'
      : `Pays GPU owners ${workersShare(terms)} of what their work earns`;
  const rest = [`in ${list(payouts.assets, 'or')}`, payoutRhythm(terms), thresholdText(terms)];
  return `${[what, ...rest].filter((part) => part !== '').join(', ')}.`;
}

/** What was, and what comes of it for a newcomer. */
interface Past {
  readonly days: readonly HistoryStep[];
  readonly incidents: readonly IncidentView[];
  /** Hardware of which something can be said. */
  readonly known: readonly EstimateView[];
  /** Of the hardware that was asked for. */
  readonly answer: EstimateView | undefined;
}

function Home({
  of,
  past,
  now,
}: {
  readonly of: PublicPool;
  readonly past: Past;
  readonly now: number;
}) {
  const { pool } = of;
  return (
    <>
      <h1>{pool.name}</h1>
      <p class="lead">{promiseOf(of.terms)}</p>
      <Flow view={flowOf(pool)} />
      <Island name="pool-live" props={figuresOf(of, past.days)}>
        <PoolFigures of={figuresOf(of, past.days)} />
      </Island>
      <Paused of={pool.payouts.paused} />
      <Current incidents={past.incidents} now={now} />
      <Notice
        tone="attention"
        title="No honest pool ever asks for a private key, seed phrase or keystore."
      >
        This one needs your payout address and nothing else. Whoever asks for more is not this pool.
      </Notice>
      <section aria-labelledby="before">
        <h2 id="before">Before you join</h2>
        <p class="prose">
          What a careful owner of a GPU looks at first, each answered from what this pool has
          published and signed.
        </p>
        <Facts
          of={dueDiligence(of).map(({ question, answer, more }) => ({
            label: question,
            value: answer,
            note: <a href={more.href}>{more.label}</a>,
          }))}
        />
      </section>
      <section aria-labelledby="earn">
        <h2 id="earn">What would my GPU earn?</h2>
        <Calculator known={past.known} answer={past.answer} />
      </section>
      <section aria-labelledby="days">
        <h2 id="days">The last 30 days</h2>
        <Timeline days={daysOf(measured(past.days), past.incidents)} />
      </section>
    </>
  );
}

/** What goes on now, or is planned: said before anything else is read. */
function Current({
  incidents,
  now,
}: {
  readonly incidents: readonly IncidentView[];
  readonly now: number;
}) {
  const open = incidents.filter((one) => touches(one, now, Number.POSITIVE_INFINITY));
  return (
    <>
      {open.map(({ id, title, kind, startsAt, endsAt }) => (
        <Notice key={id} tone={kind === 'incident' ? 'wrong' : 'plain'} title={`${title}.`}>
          {kind === 'incident' ? 'Since' : 'From'} <Time at={startsAt} />
          {endsAt !== null && (
            <>
              {' '}
              until <Time at={endsAt} />
            </>
          )}
          . <a href={`/incidents/${id}`}>What it means for you</a>
        </Notice>
      ))}
    </>
  );
}
