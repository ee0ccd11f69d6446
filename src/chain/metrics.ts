import type { Instant } from '../base/clock.ts';
import type { Metrics } from '../base/metrics.ts';
import type { RpcFailure } from './rpc-post.ts';
import type { WatchAlarm } from './view.ts';

/** How the sending of one account stands, asked when somebody looks. */
export interface SendingFigures {
  readonly paused: boolean;
  readonly open: number;
  readonly outOfFunds: boolean;
}

/** What became of a transaction; `reverted` ones are final, too. */
export type TransactionOutcome = 'final' | 'reverted' | 'withdrawn' | 'refused' | 'not_needed';

/** Counts of this folder. Providers are numbered in the order of `--eth-url`. */
export interface ChainMetrics {
  providerFailed(provider: string, reason: RpcFailure): void;
  settled(outcome: TransactionOutcome): void;
  gasSpent(wei: bigint): void;
  /** Until the function that it returns is called. */
  watch(figures: () => SendingFigures): () => void;
}

const known = new WeakMap<Metrics, ChainMetrics>();

/** The same one for the same registry: several accounts send by one. */
export function chainMetrics(metrics: Metrics): ChainMetrics {
  const before = known.get(metrics);
  if (before) return before;
  const created = declare(metrics);
  known.set(metrics, created);
  return created;
}

function declare(metrics: Metrics): ChainMetrics {
  const watched = new Set<() => SendingFigures>();
  const count = (of: (figures: SendingFigures) => number) => () =>
    [...watched].reduce((sum, figures) => sum + of(figures()), 0);

  const failures = metrics.counter(
    'tributary_chain_provider_failures_total',
    'Exchanges with an RPC provider that came to nothing, by provider and reason.',
    ['provider', 'reason'],
  );
  const outcomes = metrics.counter(
    'tributary_chain_transactions_total',
    'Intents of the journal that ended, by what became of them.',
    ['outcome'],
  );
  const gas = metrics.counter(
    'tributary_chain_gas_spent_wei_total',
    'Wei that final transactions cost in gas.',
  );
  metrics.gauge(
    'tributary_chain_paused',
    'Accounts that send nothing because the RPC providers disagree or contradict themselves.',
    [],
    count(({ paused }) => (paused ? 1 : 0)),
  );
  metrics.gauge(
    'tributary_chain_open',
    'Intents of the journal that are not settled.',
    [],
    count(({ open }) => open),
  );
  metrics.gauge(
    'tributary_chain_out_of_funds',
    'Accounts that lack the ETH for what they should send.',
    [],
    count(({ outOfFunds }) => (outOfFunds ? 1 : 0)),
  );
  return {
    providerFailed: (provider, reason) => failures.inc({ provider, reason }),
    settled: (outcome) => outcomes.inc({ outcome }),
    gasSpent: (wei) => gas.inc(Number(wei)),
    watch(figures) {
      watched.add(figures);
      return () => watched.delete(figures);
    },
  };
}

/** How following the chain stands, asked when somebody looks. */
export interface WatchFigures {
  /** When the block that the pool acts on was made; undefined before the first. */
  viewAt(): Instant | undefined;
  now(): Instant;
  /** Gateways whose funds are in memory. */
  senders(): number;
}

/** Counts of following the chain; one watch a registry. */
export function watchMetrics(metrics: Metrics, figures: WatchFigures) {
  const undone = metrics.counter(
    'tributary_chain_blocks_undone_total',
    'Blocks that were seen and then undone by a reorganisation.',
  );
  const failed = metrics.counter(
    'tributary_chain_looks_failed_total',
    'Looks at the chain that no RPC provider answered.',
  );
  const read = metrics.counter(
    'tributary_chain_senders_read_total',
    'Gateways whose funds were asked of the chain.',
  );
  const alarms = metrics.counter(
    'tributary_chain_watch_alarms_total',
    'What was wrong with the answers of RPC providers, each time that it was seen.',
    ['alarm'],
  );
  metrics.gauge(
    'tributary_chain_view_age_seconds',
    'Age of the block that the pool acts on; NaN before the first.',
    [],
    () => (figures.now() - (figures.viewAt() ?? Number.NaN)) / 1000,
  );
  metrics.gauge('tributary_chain_senders', 'Gateways whose funds are in memory.', [], () =>
    figures.senders(),
  );
  return {
    undone: (depth: number) => undone.inc(depth),
    failed: () => failed.inc(),
    sendersRead: (count: number) => read.inc(count),
    alarmed: (alarm: WatchAlarm) => alarms.inc({ alarm }),
  };
}

/** Counts of a signer, by those who ask it. */
export interface SignerMetrics {
  /** What came of a signature that was asked for. */
  asked(outcome: 'signed' | 'refused' | 'unavailable'): void;
  /** What it says of itself, whoever asked. */
  says(figures: { readonly signed: number; readonly refused: number }): void;
  /** It had not answered and was replaced. */
  replaced(): void;
}

const knownSigners = new WeakMap<Metrics, SignerMetrics>();

/** The same one for the same registry. */
export function signerMetrics(metrics: Metrics): SignerMetrics {
  const before = knownSigners.get(metrics);
  if (before) return before;
  const created = declareSigner(metrics);
  knownSigners.set(metrics, created);
  return created;
}

function declareSigner(metrics: Metrics): SignerMetrics {
  let said = { signed: Number.NaN, refused: Number.NaN };
  const asked = metrics.counter(
    'tributary_chain_signatures_total',
    'Signatures that were asked of the signer, by what came of it.',
    ['outcome'],
  );
  const replaced = metrics.counter(
    'tributary_chain_signers_replaced_total',
    'Signers that did not answer any more and were replaced.',
  );
  metrics.gauge(
    'tributary_chain_signer_signed',
    'Requests that the signer granted since it started, whoever asked; NaN before it was asked.',
    [],
    () => said.signed,
  );
  metrics.gauge(
    'tributary_chain_signer_refused',
    'Requests that the signer refused since it started, whoever asked; NaN before it was asked.',
    [],
    () => said.refused,
  );
  return {
    asked: (outcome) => asked.inc({ outcome }),
    says(figures) {
      said = { ...figures };
    },
    replaced: () => replaced.inc(),
  };
}
