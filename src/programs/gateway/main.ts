import { TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { endWithParent } from '../../base/parent.ts';
import { exitCode, type Io } from '../../base/terminal.ts';
import { push } from './push.ts';
import { serve } from './serve.ts';
import { gatewayPushCommand, gatewayServeCommand } from './settings.ts';

/** `tributary gateway push` and `tributary gateway serve`. Returns the exit code. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args;
  switch (name) {
    case 'push': {
      const settings = readSettings(gatewayPushCommand, rest, io);
      if (settings?.values.withParent) endWithParent();
      return settings ? push(settings.values, io) : exitCode.ok;
    }
    case 'serve': {
      const settings = readSettings(gatewayServeCommand, rest, io);
      if (settings?.values.withParent) endWithParent();
      return settings ? serve(settings.values, io) : exitCode.ok;
    }
    default:
      throw new TributaryError('command_unknown', `"gateway ${name ?? ''}" is not a command.`);
  }
}
