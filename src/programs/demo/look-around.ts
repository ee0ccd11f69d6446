import { z } from 'zod';
import type { Paint } from '../../base/terminal.ts';
import type { Cast } from './cast.ts';
import { answerOf } from './children.ts';

/** Whose portal is shown. */
const WORKER = 'heron';
const made = z.object({ url: z.string() });

/**
 * Leaves the demo's processes running and says where to look, until `stop`. Links are good for ten
 * minutes and once, as always.
 */
export async function lookAround(
  cast: Cast,
  { stop, out, paint }: { stop: AbortSignal; out: { write(text: string): void }; paint: Paint },
): Promise<void> {
  const worker = cast.operator('link for a worker', ['workers', 'link', WORKER, '--json']);
  const { url: portal } = await answerOf(made, worker);
  const add = ['operators', 'add', 'demo', '--role', 'owner', '--json'];
  const { url: console } = await answerOf(made, cast.operator('link for an operator', add));
  const { address, key } = cast.walletOf(WORKER);
  const lines = [
    '',
    `${paint('strong', 'Public page')}       ${paint('water', cast.publicUrl)}`,
    `${paint('strong', 'Worker portal')}     ${paint('water', portal)}`,
    `                  or with a wallet: ${address}, key ${key}`,
    paint('muted', '                  (of this demo alone: no honest pool asks for a key)'),
    `${paint('strong', 'Operator console')}  ${paint('water', console)}`,
    '',
    'Everything runs until Ctrl-C. Links are good once, for ten minutes.',
  ];
  out.write(`${lines.join('\n')}\n`);
  if (!stop.aborted) {
    await new Promise<void>((resolve) => {
      stop.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}
