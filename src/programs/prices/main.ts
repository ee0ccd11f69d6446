import { findPool } from '../../api/admin-client.ts';
import { TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { createPaint, exitCode, type Io } from '../../base/terminal.ts';
import { poolClient } from '../../client/pool-client.ts';
import { resetCommand, setCommand, showCommand } from './settings.ts';
import { type PriceView, pricesView } from './views.ts';

/** `tributary prices …`: asks the admin address of the running pool. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [word = '', ...rest] = args;
  switch (word) {
    case 'show': {
      const values = readSettings(showCommand, rest, io)?.values;
      if (!values) return exitCode.ok;
      const answer = await poolClient(findPool(values)).get('/api/v1/prices');
      return print(answer, values.json, io);
    }
    case 'set': {
      const values = readSettings(setCommand, rest, io)?.values;
      if (!values) return exitCode.ok;
      const { price, gateway, pipeline, model } = values;
      const body = { price, gateway, pipeline, model };
      const answer = await poolClient(findPool(values)).post('/api/v1/prices', { body });
      return print(answer, values.json, io, SET);
    }
    case 'reset': {
      const values = readSettings(resetCommand, rest, io)?.values;
      if (!values) return exitCode.ok;
      const { gateway, pipeline, model } = values;
      const body = { gateway, pipeline, model };
      const answer = await poolClient(findPool(values)).post('/api/v1/prices/reset', { body });
      return print(answer, values.json, io, RESET);
    }
    default:
      throw new TributaryError('command_unknown', `"prices ${word}" is not a command.`);
  }
}

const SET =
  'New sessions are asked this from now on, also after a restart, until it is set again or reset. Running sessions keep their price.';
const RESET =
  'The settings of the pool say the price again. Running sessions keep the one that they have.';

function print(
  { prices: list }: { readonly prices: readonly PriceView[] },
  asJson: boolean,
  io: Io,
  said?: string,
): number {
  io.stdout.write(`${asJson ? JSON.stringify(list) : pricesView(list, createPaint(io), said)}\n`);
  return exitCode.ok;
}
