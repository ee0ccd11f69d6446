import { isAddressEqual } from 'viem';
import { isOfAction } from '../chain/journal-list.ts';
import type { IntentId } from '../chain/journal-types.ts';
import { ownError } from '../chain/rpc-refusal.ts';
import { carryOut, type Running, startRun } from './action-run.ts';
import type { ChainAction, ChainActions, Plan, PlanStep } from './action-types.ts';
import { journalsOf } from './look.ts';
import type { DutiesParts } from './parts.ts';
import {
  planInitRound,
  planReward,
  planSetRewardCaller,
  planTransfer,
  planVote,
  planVotePoll,
  planWithdrawFees,
} from './plan-money.ts';
import { planRegister, planSetCuts, planSetServiceUri } from './plan-register.ts';
import { planBond, planRebond, planUnbond, planWithdrawStake } from './plan-stake.ts';
import { type Draft, type Drafted, eth, type Refused, refuse } from './plan-types.ts';
import { readStanding } from './read-standing.ts';
import { encode, estimate, journalFor } from './sending.ts';
import type { Standing } from './standing.ts';
import { openActions } from './store.ts';
import { pollFacts, proposalFacts } from './vote-facts.ts';

/** Finished actions that are remembered for whoever asks how they went. */
const KEPT = 100;

/** What actions stand on. */
export type ActionsParts = Omit<
  DutiesParts,
  'rules' | 'serviceUri' | 'answersAsUs' | 'certificateEndsAt' | 'random' | 'metrics'
>;

/** Prepares, prices and sends what an operator asks for. */
export function createActions(parts: ActionsParts): Omit<ChainActions, 'status' | 'proposals'> {
  const kept = new Map<string, Running>();
  let running: Running | undefined;

  async function prepare(action: ChainAction): Promise<Prepared> {
    const standing = await readStanding(parts);
    const draft = await draftOf(parts, action, standing);
    if (!draft.ok) return draft;
    return priced(parts, action, draft, standing);
  }

  return {
    async prepare(action) {
      const prepared = await told(prepare(action));
      return prepared.ok ? { ok: true, plan: prepared.plan } : prepared;
    },

    async submit(action) {
      const busy = await busyWith();
      if (busy || running) return refuse('chain_busy', busy ?? 'Another command is under way.');
      // Taken before anything else is awaited: of two that come at once one is refused.
      const run = startRun(action.do);
      running = run;
      try {
        const prepared = await told(prepare(action));
        const refused = prepared.ok ? sendable(parts, prepared) : prepared;
        if (refused || !prepared.ok) {
          running = undefined;
          return refused ?? refuse('chain_would_fail', 'It cannot be done.');
        }
        run.begin(prepared.draft.calls);
        keep(run);
        void carryOut(parts, prepared.draft.calls, run).finally(() => {
          if (running === run) running = undefined;
        });
        return { ok: true, progress: run.progress() };
      } catch (error) {
        running = undefined;
        throw error;
      }
    },

    async callOff(intent) {
      const id = intent as IntentId;
      if (!isOfAction(id)) {
        const text = 'The pool wants this itself, and calls it off when it is not needed.';
        return refuse('chain_unsupported', text);
      }
      for (const journal of journalsOf(parts)) {
        const fate = await journal.fate(id);
        if (!fate) continue;
        if (fate.state !== 'open') break;
        await journal.withdraw(id);
        return { ok: true };
      }
      return refuse('chain_nothing_to_do', 'No such transaction is on its way.');
    },

    async progress(id, known = -1) {
      const run = kept.get(id);
      if (run && run.progress().version <= known) await run.news(parts.clock);
      return run?.progress();
    },
  };

  async function busyWith(): Promise<string | undefined> {
    if (running) return `"${running.progress().action}" is still under way.`;
    const journal = parts.transactions.orchestrator;
    const [open] = journal ? await openActions(parts.database, journal.account) : [];
    const method = open?.split(':').at(-1);
    return open
      ? `A transaction of an earlier command (${method}) is still on its way.`
      : undefined;
  }

  function keep(run: Running): void {
    kept.set(run.progress().id, run);
    for (const [id, old] of kept) {
      if (kept.size <= KEPT) break;
      if (old.progress().state !== 'running') kept.delete(id);
    }
  }
}

type Prepared =
  | { readonly ok: true; readonly plan: Plan; readonly draft: Drafted; readonly standing: Standing }
  | Refused;

/** The rule of each action. */
async function draftOf(
  parts: ActionsParts,
  action: ChainAction,
  standing: Standing,
): Promise<Draft> {
  switch (action.do) {
    case 'register':
      return planRegister(action, standing);
    case 'set-service-uri':
      return planSetServiceUri(action, standing);
    case 'bond':
      return planBond(action, standing);
    case 'unbond':
      return planUnbond(action, standing);
    case 'rebond':
      return planRebond(action, standing);
    case 'withdraw-stake':
      return planWithdrawStake(action, standing);
    case 'set-cuts':
      return planSetCuts(action, standing);
    case 'reward':
      return planReward(standing, rewardKey(parts, standing));
    case 'set-reward-caller':
      return planSetRewardCaller(action, standing);
    case 'init-round':
      return planInitRound(standing);
    case 'withdraw-fees':
      return planWithdrawFees(action, standing);
    case 'vote':
      return planVote(action, await proposalFacts(parts, action.proposal));
    case 'vote-poll':
      return planVotePoll(action, await pollFacts(parts, action.poll));
    case 'transfer':
      return planTransfer(action, standing);
  }
}

/** By which key of ours reward can be called: the caller that was set for it, else the orchestrator's. */
export function rewardKey(
  { transactions }: Pick<DutiesParts, 'transactions'>,
  { rewardCaller }: Pick<Standing, 'rewardCaller'>,
): 'orchestrator' | 'reward_caller' | undefined {
  const caller = transactions.rewardCaller?.account.address;
  if (caller && rewardCaller && isAddressEqual(caller, rewardCaller)) return 'reward_caller';
  return transactions.orchestrator ? 'orchestrator' : undefined;
}

async function priced(
  parts: ActionsParts,
  action: ChainAction,
  draft: Drafted,
  standing: Standing,
): Promise<Prepared> {
  const steps: PlanStep[] = [];
  for (const [index, call] of draft.calls.entries()) {
    const bytes = encode(parts, call);
    // The later ones fail until the first is done, so they are reckoned with what such calls take.
    const tried = index === 0 ? await estimate(parts.providers, bytes) : undefined;
    if (tried && !tried.ok) {
      return refuse('chain_would_fail', `"${call.title}" would fail: ${tried.text}.`);
    }
    const gas = tried?.gas ?? call.gas;
    steps.push({
      title: call.title,
      contract: call.contract,
      method: call.method,
      args: call.args.map(String),
      ...bytes,
      gasLimit: tried?.gasLimit ?? call.gas,
      costWei: gas * standing.gasPrice,
    });
  }
  const plan: Plan = {
    action: action.do,
    steps,
    costWei: steps.reduce((sum, { costWei }) => sum + costWei, 0n),
    gasPrice: standing.gasPrice,
    movesLpt: draft.movesLpt,
    movesWei: draft.movesWei,
    effects: draft.effects,
    warnings: draft.warnings,
    signable: draft.calls.every(({ from }) => journalFor(parts, from) !== undefined),
  };
  return { ok: true, plan, draft, standing };
}

/** What stands in the way of sending, and not in the way of showing. */
function sendable(
  parts: ActionsParts,
  { plan, standing }: Extract<Prepared, { ok: true }>,
): Refused | undefined {
  if (!plan.signable) {
    const text = `The key of ${parts.orchestrator} is not with this pool.`;
    return refuse('chain_key_missing', text);
  }
  const ours = plan.steps.filter(({ from }) => isAddressEqual(from, parts.orchestrator));
  const needed = ours.reduce((sum, { costWei, value }) => sum + costWei + value, 0n);
  if (needed <= standing.balanceWei) return undefined;
  const text = `The account ${parts.orchestrator} holds ${eth(standing.balanceWei)}, and ${eth(needed)} are needed with gas.`;
  return refuse('chain_funds_short', text);
}

/** What a library made of an error of ours is taken off again. */
async function told<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    throw ownError(error) ?? error;
  }
}
