import { findPool } from '../../api/admin-client.ts';
import { TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { createPaint, exitCode, type Io } from '../../base/terminal.ts';
import type { ChainAction } from '../../duties/action-types.ts';
import { type ChainClient, createChainClient, type ProgressView } from './client.ts';
import { proposalsText } from './proposals-view.ts';
import { type ActionWord, actionCommands, proposalsCommand, statusCommand } from './settings.ts';
import { jsonText, planView, statusView, stepLine } from './views.ts';

/** What every action command has besides its own settings. */
interface Common {
  readonly yes: boolean;
  readonly json: boolean;
  readonly dataDir: string | undefined;
  readonly adminUrl: string | undefined;
  readonly adminToken: string | undefined;
}

/** `tributary chain …`: asks the admin address of the running pool. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [word = '', ...rest] = args;
  if (word === 'status') return status(rest, io);
  if (word === 'proposals') return proposals(rest, io);
  const asked = actionOf(word, rest, io);
  if (asked === undefined) {
    throw new TributaryError('command_unknown', `"chain ${word}" is not a command.`);
  }
  if (asked === 'help') return exitCode.ok;
  const { action, values } = asked;
  const client = createChainClient(findPool(values));
  if (!values.yes) return show(client, action, values, io);
  return carryOut(client, action, values, io);
}

async function status(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(statusCommand, args, io);
  if (!settings) return exitCode.ok;
  const { json, ...pool } = settings.values;
  const view = await createChainClient(findPool(pool)).status();
  print(io, json ? jsonText(view) : statusView(view, createPaint(io)));
  return exitCode.ok;
}

async function proposals(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(proposalsCommand, args, io);
  if (!settings) return exitCode.ok;
  const { json, ...pool } = settings.values;
  const found = await createChainClient(findPool(pool)).proposals();
  print(io, json ? jsonText(found) : proposalsText(found, createPaint(io)));
  return exitCode.ok;
}

async function show(
  client: ChainClient,
  action: ChainAction,
  { json }: Common,
  io: Io,
): Promise<number> {
  const plan = await client.prepare(action);
  if (json) print(io, jsonText(plan));
  else {
    print(io, planView(plan, createPaint(io)));
    const next = plan.signable
      ? 'Nothing was sent. Add --yes to do it.'
      : 'Nothing was sent: the key is not with this pool. Sign these calls where it is.';
    print(io, `\n${next}`);
  }
  return exitCode.ok;
}

async function carryOut(
  client: ChainClient,
  action: ChainAction,
  { json }: Common,
  io: Io,
): Promise<number> {
  const plan = await client.prepare(action);
  const paint = createPaint(io);
  if (!json) print(io, `${planView(plan, paint)}\n`);
  let now = await client.submit(action);
  const said = new Set<string>();
  const say = (progress: ProgressView) => {
    for (const [index, step] of progress.steps.entries()) {
      const line = stepLine(step, index, progress.steps.length, paint);
      if (line === undefined || said.has(line)) continue;
      said.add(line);
      if (!json) print(io, line);
    }
  };
  say(now);
  while (now.state === 'running') {
    now = await client.progress(now.id, now.version);
    say(now);
  }
  if (json) print(io, jsonText(now));
  else print(io, now.state === 'done' ? 'Done.' : 'It stopped there; what was done stays done.');
  return now.state === 'done' ? exitCode.ok : exitCode.failed;
}

/** The action that a command line asks for; `help` where its help was printed instead. */
function actionOf(
  word: string,
  args: readonly string[],
  io: Io,
): { readonly action: ChainAction; readonly values: Common } | 'help' | undefined {
  if (!Object.hasOwn(actionCommands, word)) return undefined;
  const known = word as ActionWord;
  switch (known) {
    case 'register': {
      const values = readSettings(actionCommands.register, args, io)?.values;
      if (!values) return 'help';
      const { bond, rewardCut, feeShare, serviceUri } = values;
      return { action: { do: known, bond, rewardCut, feeShare, serviceUri }, values };
    }
    case 'set-service-uri': {
      const values = readSettings(actionCommands[known], args, io)?.values;
      return values ? { action: { do: known, serviceUri: values.serviceUri }, values } : 'help';
    }
    case 'bond': {
      const values = readSettings(actionCommands.bond, args, io)?.values;
      return values ? { action: { do: known, amount: values.amount }, values } : 'help';
    }
    case 'unbond': {
      const values = readSettings(actionCommands.unbond, args, io)?.values;
      return values ? { action: { do: known, amount: values.amount }, values } : 'help';
    }
    case 'rebond':
    case 'withdraw-stake': {
      const values = readSettings(actionCommands[known], args, io)?.values;
      return values ? { action: { do: known, lock: values.lock }, values } : 'help';
    }
    case 'set-cuts': {
      const values = readSettings(actionCommands[known], args, io)?.values;
      if (!values) return 'help';
      const { rewardCut, feeShare } = values;
      return { action: { do: known, rewardCut, feeShare }, values };
    }
    case 'reward':
    case 'init-round': {
      const values = readSettings(actionCommands[known], args, io)?.values;
      return values ? { action: { do: known }, values } : 'help';
    }
    case 'set-reward-caller': {
      const values = readSettings(actionCommands[known], args, io)?.values;
      return values ? { action: { do: known, caller: values.caller }, values } : 'help';
    }
    case 'withdraw-fees': {
      const values = readSettings(actionCommands[known], args, io)?.values;
      if (!values) return 'help';
      return { action: { do: known, amount: values.amount, to: values.to }, values };
    }
    case 'vote': {
      const values = readSettings(actionCommands.vote, args, io)?.values;
      return values ? { action: voteOf(values), values } : 'help';
    }
    case 'transfer': {
      const values = readSettings(actionCommands.transfer, args, io)?.values;
      if (!values) return 'help';
      const { lpt, eth, to } = values;
      const sent =
        lpt === undefined
          ? ({ asset: 'ETH', amount: eth ?? 0n } as const)
          : ({ asset: 'LPT', amount: lpt } as const);
      return { action: { do: known, to, ...sent }, values };
    }
  }
}

function voteOf(values: {
  readonly proposal: bigint | undefined;
  readonly support: 'for' | 'against' | 'abstain' | undefined;
  readonly reason: string | undefined;
  readonly poll: `0x${string}` | undefined;
  readonly choice: 'yes' | 'no' | undefined;
}): ChainAction {
  const { proposal, support, reason = '', poll, choice } = values;
  if (proposal !== undefined && support) return { do: 'vote', proposal, support, reason };
  if (poll && choice) return { do: 'vote-poll', poll, choice };
  throw new RangeError('the settings were not checked');
}

function print(io: Io, text: string): void {
  io.stdout.write(`${text}\n`);
}
