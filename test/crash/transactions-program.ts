import { writeSync } from 'node:fs';
import type { Hex } from 'viem';
import type { ProviderAnswer, Providers } from '../../src/chain/providers.ts';
import {
  payment,
  signerOf,
  startSender,
  type TestAccount,
} from '../../src/chain/transactions.test-kit.ts';
import type { TransactionSigner } from '../../src/chain/transactions-sign.ts';
import { openDatabase } from '../../src/database/database.ts';

// Run by transactions.test.ts: has one transaction done, and kills itself at a point on the way.
// Arguments: the point, or `none`; database, node, key and address of the account, recipient, depth
// of finality.

const [point, databaseUrl = '', url = '', key, address, to, depth] = process.argv.slice(2);
const account: TestAccount = { chainId: 31_337, key: key as Hex, address: address as Hex };
const intent = payment('crash', to as Hex);
const database = await openDatabase({ url: databaseUrl });

/** No handler runs, no connection is closed in order. */
function die(): Promise<never> {
  writeSync(1, `dies ${point}\n`);
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {});
}

const signing: TransactionSigner = {
  async signTransaction(account_, tx) {
    if (point === 'intended') await die();
    const signed = await signerOf(account).signTransaction(account_, tx);
    if (point === 'signed') await die();
    return signed;
  },
};

function wrap(providers: Providers): Providers {
  return {
    ...providers,
    client: providers.client,
    requestEach<T>(method: string, params: readonly unknown[]) {
      if (method !== 'eth_sendRawTransaction') return providers.requestEach<T>(method, params);
      if (point === 'stored') return [die()];
      const answers = providers.requestEach<T>(method, params);
      return answers.map(async (answer): Promise<ProviderAnswer<T>> => {
        const said = await answer;
        if (point === 'sent') await die();
        return said;
      });
    },
    async requestAll<T>(method: string, params: readonly unknown[]) {
      const state = sender.transactions.progress(intent.id)?.state;
      if (method === 'eth_chainId' && state === point) await die();
      return providers.requestAll<T>(method, params);
    },
  };
}

const sender = await startSender({
  ...{ database, urls: [url], account, signing, wrap },
  finality: { depth: Number(depth) },
});
sender.transactions.onSettled(() => {
  if (point === 'final') void die();
});
await sender.transactions.submit(intent);
if (point === 'wanted') await die();
const entry = await sender.transactions.settled(intent.id);
if (point === 'final') await die();
writeSync(1, `${entry.state} ${entry.state === 'final' && entry.inclusion.hash}\n`);
await sender[Symbol.asyncDispose]();
await database.close();
