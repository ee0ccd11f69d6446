import { base32, secureRandom } from '../base/ids.ts';
import { ACTION_PREFIX } from '../chain/journal-list.ts';
import { ownError } from '../chain/rpc-refusal.ts';
import type { ChainAction, Progress, StepProgress } from './action-types.ts';
import type { DutiesParts } from './parts.ts';
import type { Call } from './plan-types.ts';
import { encode, estimate, intentOf, journalFor, type Landing, landed } from './sending.ts';

/** How long somebody who asks for news waits for some. */
const NEWS_MS = 8_000;
/** 80 bits: nobody else's transaction has such an id. */
const ID_BYTES = 10;

/** What carrying out stands on. */
export type RunParts = Pick<
  DutiesParts,
  'providers' | 'contracts' | 'orchestrator' | 'node' | 'transactions' | 'watch' | 'clock' | 'log'
>;

/** One action on its way. */
export interface Running {
  progress(): Progress;
  begin(calls: readonly Call[]): void;
  change(step: number, change: Partial<StepProgress>): void;
  end(state: 'done' | 'failed'): void;
  /** Resolves with the next change, or when somebody has waited long enough. */
  news(clock: RunParts['clock']): Promise<void>;
}

/** A run that has not begun. */
export function startRun(action: ChainAction['do']): Running {
  const id = base32(secureRandom(ID_BYTES));
  let now: Progress = { id, action, state: 'running', version: 0, steps: [] };
  const waiting = new Set<() => void>();
  const set = (change: Partial<Progress>) => {
    now = { ...now, ...change, version: now.version + 1 };
    for (const wake of waiting) wake();
    waiting.clear();
  };
  return {
    progress: () => now,
    begin: (calls) =>
      set({
        steps: calls.map(({ title }) => {
          return { title, state: 'waiting', transaction: undefined, text: undefined };
        }),
      }),
    change: (step, change) =>
      set({ steps: now.steps.map((one, index) => (index === step ? { ...one, ...change } : one)) }),
    end: (state) => set({ state }),
    news: (clock) =>
      new Promise((resolve) => {
        const timer = clock.after(NEWS_MS, resolve);
        waiting.add(() => {
          timer.cancel();
          resolve();
        });
      }),
  };
}

/** Sends one call after the other: each may need what the one before it did. */
export async function carryOut(
  parts: RunParts,
  calls: readonly Call[],
  run: Running,
): Promise<void> {
  for (const [index, call] of calls.entries()) {
    const failed = await carryOutOne(parts, call, index, run).catch((error: unknown) => {
      const own = ownError(error);
      parts.log.error('chain_action_failed', { code: own?.code ?? 'internal' });
      return own ? `${own.message} What was sent goes on.` : 'Something broke; see the log.';
    });
    if (failed === undefined) continue;
    run.change(index, { state: 'failed', text: failed });
    run.end('failed');
    return;
  }
  run.end('done');
}

/** Returns why it failed. */
async function carryOutOne(
  parts: RunParts,
  call: Call,
  index: number,
  run: Running,
): Promise<string | undefined> {
  const journal = journalFor(parts, call.from);
  if (!journal) return 'The key is not with this pool.';
  const bytes = encode(parts, call);
  const tried = await estimate(parts.providers, bytes);
  if (!tried.ok) return `The contract would refuse it: ${tried.text}.`;
  const { id, action } = run.progress();
  const name = `${ACTION_PREFIX}${id}:${index + 1}:${call.method || 'send'}`;
  const intent = intentOf(name, bytes, tried);
  await journal.submit(intent);
  run.change(index, { state: 'sent' });
  parts.log.info('chain_action_submitted', { name: action, count: index + 1 });
  const landing = await landed(parts, journal, intent.id);
  if (!landing.ok) return landingText(landing);
  run.change(index, { state: 'done', transaction: landing.transaction });
  return undefined;
}

function landingText({ reason }: Extract<Landing, { ok: false }>): string {
  switch (reason) {
    case 'reverted':
      return 'It was reverted: something else had changed in between.';
    case 'refused':
      return 'The signer refused it: its policy (--signer-policy) does not allow this method, recipient or amount.';
    case 'withdrawn':
    case 'not_needed':
      return 'It was called off before a block had it; nothing was changed.';
  }
}
