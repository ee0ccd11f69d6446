import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openScratch } from '../database/scratch.ts';
import { startAnvil } from './anvil.ts';
import {
  balance,
  newAccount,
  newRecipient,
  payment,
  rpc,
  startSender,
} from './transactions.test-kit.ts';

const CHAIN = 31_337;
const MNEMONIC = 'test test test test test test test test test test test junk';
const scratch = await openScratch();
const { database } = scratch;
const anvil = await startAnvil({ port: 0, blockTime: 0, chainId: CHAIN, mnemonic: MNEMONIC });
const { url } = anvil;
after(async () => {
  await anvil.stop();
  await scratch[Symbol.asyncDispose]();
});

test('what is wanted becomes one final transaction', async (t) => {
  const account = await newAccount(url, CHAIN);
  const { transactions, metrics } = await startSender({ database, urls: [url], account }, t);
  const to = newRecipient();
  const heard: string[] = [];
  transactions.onSettled((entry) => heard.push(entry.intent.id));

  const intent = payment('pay:1', to);
  assert.equal(await transactions.submit(intent), 'added');
  assert.equal(await transactions.submit(intent), 'known');
  const entry = await transactions.settled(intent.id);

  assert.equal(entry.state, 'final');
  assert.equal(entry.state === 'final' && entry.inclusion.succeeded, true);
  assert.equal(await balance(url, to), 1n);
  assert.deepEqual(await transactions.fate(intent.id), entry);
  assert.deepEqual(heard, ['pay:1']);
  const spent = 10n ** 19n - 1n - (await balance(url, account.address));
  assert.equal(await transactions.gasSpent(), spent);
  const text = await metrics.text();
  assert.match(text, /tributary_chain_transactions_total\{outcome="final"\} 1/);
  assert.match(text, new RegExp(`tributary_chain_gas_spent_wei_total ${spent}`));
  assert.match(text, /tributary_chain_paused 0/);
  assert.equal(await rpc(url, 'eth_getTransactionCount', account.address, 'latest'), '0x1');
});
