import { TributaryError } from '../../base/errors.ts';
import type { Io } from '../../base/terminal.ts';
import { runReplay } from './replay.ts';
import { runReserve } from './reserve.ts';

/** `tributary lab …`: tries rules of pay before they are promised. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [verb = '', ...rest] = args;
  switch (verb) {
    case 'replay':
      return runReplay(rest, io);
    case 'reserve':
      return runReserve(rest, io);
    default:
      throw new TributaryError('command_unknown', `"lab ${verb}" is not a command.`);
  }
}
