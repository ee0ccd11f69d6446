import { findPool } from '../../api/admin-client.ts';
import { TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { createPaint, exitCode, type Io, table } from '../../base/terminal.ts';
import type { Answer, Reads } from '../../client/client.ts';
import { poolClient } from '../../client/pool-client.ts';
import { listSecretsCommand, rotateSecretCommand } from './settings.ts';

/** `tributary secrets …`: asks the admin address of the running pool. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [verb = '', ...rest] = args;
  switch (verb) {
    case 'list': {
      const values = readSettings(listSecretsCommand, rest, io)?.values;
      if (!values) return exitCode.ok;
      const found = await poolClient(findPool(values)).get('/api/v1/secrets');
      print(io, values.json ? JSON.stringify(found) : viewOf(found, io));
      return exitCode.ok;
    }
    case 'rotate': {
      const values = readSettings(rotateSecretCommand, rest, io)?.values;
      if (!values) return exitCode.ok;
      const { atOnce, json } = values;
      const found = await poolClient(findPool(values)).post('/api/v1/secrets/auth-token/rotate', {
        body: { atOnce },
      });
      const text = `${viewOf(found, io)}\n\n${atOnce ? AT_ONCE : ROTATED}`;
      print(io, json ? JSON.stringify(found) : text);
      return exitCode.ok;
    }
    default:
      throw new TributaryError('command_unknown', `"secrets ${verb}" is not a command.`);
  }
}

const ROTATED =
  'All nodes make tokens with the new version. Running sessions go on, and nothing needs to be done.';
const AT_ONCE =
  'Tokens of the versions before are refused from now on, on all nodes. Gateways begin new sessions by themselves.';

function viewOf({ secrets }: Answer<Reads['/api/v1/secrets']>, io: Io): string {
  const rows = secrets.map(({ secret, version, createdAt, validUntil }) => [
    ...[secret, `${version}`, timeOf(createdAt)],
    validUntil === null ? 'makes the tokens' : `accepted until ${timeOf(validUntil)}`,
  ]);
  const titles = ['Secret', 'Version', 'Since', 'Is'].map((title) => ({ title }));
  return table(titles, rows, { paint: createPaint(io) }).join('\n');
}

function timeOf(moment: string): string {
  return `${moment.slice(0, 16).replace('T', ' ')} UTC`;
}

function print(io: Io, text: string): void {
  io.stdout.write(`${text}\n`);
}
