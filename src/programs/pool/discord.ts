import type { WorkerActor } from '../../api/access.ts';
import type { Api } from '../../api/app.ts';
import { insideBindings } from '../../api/bindings.ts';
import { showAsset } from '../../base/amounts.ts';
import { TributaryError } from '../../base/errors.ts';
import { type Client, createClient } from '../../client/client.ts';
import type { Database } from '../../database/database.ts';
import {
  type AskedWorker,
  createDiscordBot,
  type DiscordBot,
  readDiscordKey,
} from '../../notices/discord-bot.ts';
import type { Seal } from '../../notices/seal.ts';
import type { PoolBase } from './pool.ts';
import type { PoolSettings } from './settings.ts';

/**
 * What answers commands of Discord: out of the API, in the name of the worker that is asked for, so that
 * no answer is reckoned in another way. Undefined: this pool has no application of Discord.
 */
export function openDiscord(
  { discordPublicKey }: PoolSettings,
  { clock }: Pick<PoolBase, 'clock'>,
  parts: {
    readonly database: Database;
    /** Undefined: this node lacks the key by which codes are known. */
    readonly seal: Seal | undefined;
    api(): Pick<Api, 'answer'>;
  },
): DiscordBot | undefined {
  const { database, seal, api } = parts;
  if (discordPublicKey === undefined || !seal) return undefined;
  const key = readDiscordKey(discordPublicKey);
  if (!key) throw new TributaryError('setting_invalid', '--discord-public-key is no key.');
  const ask = (worker: AskedWorker) => clientOf(api(), worker);
  return createDiscordBot({
    ...{ key, database, clock, seal },
    answers: {
      async status(worker) {
        const [own] = await ask(worker).get('/api/v1/me/workers');
        if (!own) return 'There is nothing to say of it.';
        const { segments, failures } = own;
        return `${own.status}. ${segments} segments done, ${failures} failed attempts.`;
      },
      async earnings(worker) {
        const { totals, items } = await ask(worker).get('/api/v1/me/earnings', {
          query: { limit: 1 },
        });
        const of = totals.find((each) => each.worker === worker.id);
        const [newest] = items;
        const lines = [
          `Owed now: ${amounts(of?.owed)}`,
          `Paid so far: ${amounts(of?.paid)}`,
          ...(of && of.heldBack.length > 0 ? [`Held back: ${amounts(of.heldBack)}`] : []),
          ...(newest ? [`Epoch ${newest.epoch}: ${amounts(newest.owed)}`] : []),
        ];
        return lines.join('\n');
      },
      async why(worker) {
        return (await ask(worker).get('/api/v1/me/why')).text;
      },
    },
  });
}

function amounts(
  list: readonly {
    readonly asset: string;
    readonly amount: string;
    readonly decimals: number;
  }[] = [],
): string {
  if (list.length === 0) return 'nothing';
  return list.map((one) => showAsset(BigInt(one.amount), one.asset, one.decimals)).join(', ');
}

/** The API as this worker sees it, without a connection. */
function clientOf(api: Pick<Api, 'answer'>, { id }: AskedWorker): Client {
  const actor: WorkerActor = { kind: 'worker', id, workers: [id], by: 'link' };
  return createClient({
    url: 'http://pool',
    fetch: (url, init) => api.answer(new Request(url, init), insideBindings(actor)),
  });
}
