import type { Address } from 'viem';
import type { TributaryError } from '../base/errors.ts';
import { ownError } from '../chain/rpc-refusal.ts';
import type { DutiesParts } from './parts.ts';
import { readStanding } from './read-standing.ts';
import type { Standing } from './standing.ts';

/** Between rounds: balances and fees move slowly, and each look costs tens of questions. */
const LOOK_EVERY_MS = 60_000;

/** What the last look at the orchestrator and its accounts saw. */
export interface Seen {
  readonly standing: Standing;
  /** ETH of an account of ours; undefined for others. */
  balanceOf(account: Address): bigint | undefined;
}

/** Looks at the orchestrator again and again, so that rules need not ask. */
export interface Look {
  seen(): Seen | undefined;
  /**
   * Looks now. Looks that overlap are one.
   *
   * @throws TributaryError `rpc_unavailable`
   */
  again(): Promise<Seen>;
  onSeen(tell: (seen: Seen) => void): () => void;
  close(): Promise<void>;
}

/** Looks at once, at each new round, after each transaction that is settled, and every minute. */
export function startLooking(
  parts: Pick<
    DutiesParts,
    'providers' | 'contracts' | 'orchestrator' | 'node' | 'transactions' | 'watch' | 'clock' | 'log'
  >,
): Look {
  const { clock, log, watch } = parts;
  const listeners = new Set<(seen: Seen) => void>();
  let last: Seen | undefined;
  let running: Promise<Seen> | undefined;
  let closed = false;
  /** The pool has to be walked again. */
  let stale = true;

  async function look(): Promise<Seen> {
    const cached = last?.standing;
    const round = watch.current()?.currentRound;
    // The pool is the long part; it matters when a round begins and when we move in it.
    const pool = cached && cached.round === round && !stale ? cached.pool : undefined;
    const walked = pool === undefined;
    if (walked) stale = false;
    const asked = Promise.all([readStanding(parts, pool), readBalances(parts)]);
    const [standing, balanceOf] = await asked.catch((error: unknown) => {
      stale ||= walked;
      throw error;
    });
    last = { standing, balanceOf };
    if (!closed) for (const tell of listeners) tell(last);
    return last;
  }

  function again(): Promise<Seen> {
    running ??= look().finally(() => {
      running = undefined;
    });
    return running;
  }

  function quietly(): void {
    if (closed) return;
    again().catch((error: unknown) => {
      const own: TributaryError | undefined = ownError(error);
      log.warn('duties_look_failed', { code: own?.code ?? 'internal' });
    });
  }

  let timer = clock.after(LOOK_EVERY_MS, tick);
  function tick(): void {
    quietly();
    if (!closed) timer = clock.after(LOOK_EVERY_MS, tick);
  }
  const stops = [
    watch.onRound(quietly),
    ...journalsOf(parts).map((journal) =>
      journal.onSettled(() => {
        stale = true;
        quietly();
      }),
    ),
  ];
  quietly();

  return {
    seen: () => last,
    again,
    onSeen(tell) {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    async close() {
      closed = true;
      timer.cancel();
      for (const stop of stops) stop();
      await running?.catch(() => {});
    },
  };
}

/** Each journal once, where accounts coincide. */
export function journalsOf({ transactions }: Pick<DutiesParts, 'transactions'>) {
  const { orchestrator, rewardCaller, node, payout } = transactions;
  return [...new Set([orchestrator, rewardCaller, node, payout])].filter(
    (one) => one !== undefined,
  );
}

async function readBalances(
  parts: Pick<DutiesParts, 'providers' | 'transactions' | 'node'>,
): Promise<Seen['balanceOf']> {
  const accounts = [parts.node, ...journalsOf(parts).map(({ account }) => account.address)];
  // Whatever case its letters have, it is one account.
  const addresses = [...new Set(accounts.map((account) => account.toLowerCase() as Address))];
  const balances = addresses.map(async (address) => {
    return [address, await parts.providers.client.getBalance({ address })] as const;
  });
  const known = new Map(await Promise.all(balances));
  return (account) => known.get(account.toLowerCase() as Address);
}
