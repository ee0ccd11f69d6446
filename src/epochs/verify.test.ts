import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ETH } from '../base/asset.ts';
import { nodeHashing } from '../proofs/node-hashing.ts';
import {
  decodeReceipt,
  encodeReceipt,
  type SignedReceipt,
  splitSigned,
} from '../proofs/receipt.ts';
import { digestText, edit, type Published, publishedPool } from './verify.test-kit.ts';
import { type VerifyFault, verifyFaults } from './verify-types.ts';

const WALLET = `0x${'a1'.repeat(20)}`;
const pool = await publishedPool();
after(() => pool[Symbol.asyncDispose]());
const heron = await pool.books.enrol();
const otter = await pool.books.enrol();

// Epoch 1: the default terms. Epoch 2 and 3: published ones, with a payment after each.
await pool.books.work(heron, 300n, 7n);
await pool.books.work(otter, 100n, 7n);
await pool.books.earn(1_000n, { transaction: pool.redeemed(1_000n) });
await pool.books.publish('[income]\nrecognised = "redeemed"');
await pool.close();
const first = pool.sent(WALLET, 600n);
pool.pay({ worker: heron, asset: ETH, amount: 600n, to: WALLET, transaction: first });
for (let job = 0; job < 5; job += 1) await pool.books.work(heron, 10n, 7n);
await pool.books.work(otter, 50n, 7n);
await pool.books.earn(2_000n, { transaction: pool.redeemed(2_000n) });
await pool.close();
await pool.books.work(heron, 40n, 7n);
await pool.books.earn(500n, { transaction: pool.redeemed(500n) });
await pool.close();
const second = pool.sent(WALLET, 900n);
pool.pay({ worker: heron, asset: ETH, amount: 900n, to: WALLET, transaction: second });

const honest = await pool.files();
const receipts = await pool.receiptsOf(heron);

test('an honest pool is found honest, by id, name or address, with receipts or without', async () => {
  for (const worker of [heron, `RIG-${heron}`, WALLET.toUpperCase().replace('0X', '0x')]) {
    const verdict = await pool.verify(worker, { receipts });
    assert.ok(verdict.ok, verdict.ok ? '' : verdict.text);
    assert.equal(verdict.worker, heron);
    assert.deepEqual(verdict.notes, []);
    assert.deepEqual(
      verdict.epochs.map(({ epoch, receipts: count, units }) => [epoch, count, units]),
      [
        [1n, 1, 300n],
        [2n, 5, 50n],
        [3n, 1, 40n],
      ],
    );
    assert.deepEqual(verdict.paid, { ETH: 1_500n });
  }
  const bare = await pool.verify(otter);
  assert.ok(bare.ok && /No receipts were given/.test(bare.notes.join()));
});

/** What somebody did to the published files, the receipts or the chain, and how it is found. */
interface Tampering {
  readonly name: string;
  readonly fault: VerifyFault;
  readonly text: RegExp;
  readonly files?: (files: Map<string, string>) => void | Promise<void>;
  readonly receipts?: (receipts: SignedReceipt[]) => Promise<SignedReceipt[]> | SignedReceipt[];
  readonly chain?: (chain: Published['chain']) => void;
  /** The pool itself lies, and signs everything from this epoch on anew. */
  readonly sealed?: bigint;
  readonly final?: bigint;
}

/** A receipt with other contents that the pool signs as it signs all. */
async function resigned(
  from: SignedReceipt,
  change: Partial<SignedReceipt['receipt']>,
): Promise<SignedReceipt> {
  const body = encodeReceipt({ ...from.receipt, ...change });
  return splitSigned((await pool.books.ledger.signed(body)) as Uint8Array) as SignedReceipt;
}

function flipped(from: SignedReceipt, at: number): SignedReceipt {
  const body = from.body.slice();
  body[at] = (body[at] as number) ^ 1;
  return { ...from, body, receipt: decodeReceipt(body) as SignedReceipt['receipt'] };
}

interface Head {
  head: {
    previous: string;
    root: string;
    input: string;
    settlement: string;
    history: { size: string; root: string };
    totals: { units: string; amounts: Record<string, { epoch: string; cumulative: string }> };
    commission: Record<string, string>;
    income: Record<string, string>;
  };
}
interface Leaves {
  leaves: {
    worker: string;
    units: string;
    amounts: Record<string, { epoch: string; cumulative: string }>;
  }[];
}
interface Input {
  income: Record<string, string>;
  incomeLines: { amount: string; transactions: string[] }[];
  carried: Record<string, string>;
  workers: {
    worker: string;
    units: string;
    grossFee: Record<string, string>;
    cumulative: Record<string, string>;
  }[];
}

/** Changes the input of epoch 2 and lets the record name it. */
const editInput = (change: (input: Input) => void) => (files: Map<string, string>) => {
  edit<Input>(files, 'epoch-2/input.json', change);
  edit<Head>(files, 'epoch-2/epoch.json', ({ head }) => {
    head.input = digestText(files.get('epoch-2/input.json') as string);
  });
};
const editHead = (change: (head: Head['head']) => void) => (files: Map<string, string>) =>
  edit<Head>(files, 'epoch-2/epoch.json', ({ head }) => change(head));
const own = (rows: { worker: string }[]) => rows.findIndex(({ worker }) => worker === heron);

const tamperings: readonly Tampering[] = [
  {
    name: 'receipt dropped by the pool',
    fault: 'receipt_dropped',
    text: /counts receipts up to 7, and left out those up to 8/,
    receipts: async (all) => [
      ...all,
      await resigned(all[6] as SignedReceipt, {
        sequence: 8n,
        previous: nodeHashing.sha256((all[6] as SignedReceipt).body),
        epochUnits: 80n,
        epochAmount: 560n,
      }),
    ],
  },
  {
    name: 'receipt dropped out of the chain',
    fault: 'receipts_missing',
    text: /receipt 4 does not follow: receipts before it are missing/,
    receipts: (all) => all.toSpliced(2, 1),
  },
  {
    name: 'last receipt dropped',
    fault: 'receipts_missing',
    text: /end with 6, and the pool counts up to 7/,
    receipts: (all) => all.slice(0, -1),
  },
  {
    name: 'receipts reordered',
    fault: 'receipt_chain_broken',
    text: /receipt 3 does not name the receipt before it/,
    receipts: async (all) => [
      ...all.slice(0, 2),
      await resigned(all[3] as SignedReceipt, { sequence: 3n, epochUnits: 20n, epochAmount: 140n }),
      await resigned(all[2] as SignedReceipt, { sequence: 4n, epochUnits: 30n, epochAmount: 210n }),
      ...all.slice(4),
    ],
  },
  {
    name: 'receipt changed',
    fault: 'receipt_changed',
    text: /receipt 3 has a wrong signature/,
    receipts: (all) => all.with(2, flipped(all[2] as SignedReceipt, 127)),
  },
  {
    name: 'sequence repeated',
    fault: 'receipt_repeated',
    text: /two different receipts with the number 5, which proves that it cheated/,
    receipts: async (all) => [...all, await resigned(all[4] as SignedReceipt, { at: 5 })],
  },
  {
    name: 'chain forked',
    fault: 'receipt_chain_broken',
    text: /receipt 5 does not name the receipt before it: the chain was forked/,
    receipts: async (all) =>
      all.with(
        4,
        await resigned(all[4] as SignedReceipt, { previous: new Uint8Array(32).fill(1) }),
      ),
  },
  {
    name: 'amount of a receipt wrong',
    fault: 'receipt_chain_broken',
    text: /receipt 7 has another amount than its units and its price come to/,
    receipts: async (all) => all.with(6, await resigned(all[6] as SignedReceipt, { amount: 281n })),
  },
  {
    name: 'units of the worker lowered in the input',
    fault: 'units_differ',
    text: /receipts come to 50 units, the pool counts 49/,
    sealed: 2n,
    files: (files) =>
      edit<Leaves>(files, 'epoch-2/leaves.json', ({ leaves }) => {
        (leaves[own(leaves)] as Leaves['leaves'][number]).units = '49';
      }),
  },
  {
    name: 'fees of the worker lowered in the input',
    fault: 'amount_differs',
    text: /receipts come to 350 ETH, the pool counts 349/,
    sealed: 2n,
    files: editInput(({ workers }) => {
      (workers[own(workers)] as Input['workers'][number]).grossFee = { ETH: '349' };
    }),
  },
  {
    name: 'input changed',
    fault: 'input_differs',
    text: /input.json is not what the record of the epoch names/,
    files: (files) => edit<Input>(files, 'epoch-2/input.json', ({ income }) => (income.ETH = '1')),
  },
  {
    name: 'income lowered',
    fault: 'settlement_differs',
    text: /the terms come to another settlement/,
    sealed: 2n,
    files: editInput((input) => (input.income.ETH = '1900')),
  },
  {
    name: 'commission raised',
    fault: 'total_wrong',
    text: /the commission of the record is 201 ETH, and comes to 200 ETH/,
    sealed: 2n,
    files: editHead((head) => (head.commission.ETH = '201')),
  },
  {
    name: 'own leaf lowered',
    fault: 'leaf_differs',
    text: /is owed 900 ETH by the terms, and its leaf says 899/,
    sealed: 2n,
    files: (files) =>
      edit<Leaves>(files, 'epoch-2/leaves.json', ({ leaves }) => {
        const leaf = leaves[own(leaves)] as Leaves['leaves'][number];
        leaf.amounts = { ETH: { epoch: '899', cumulative: '1574' } };
      }),
  },
  {
    name: 'what was credited before lowered',
    fault: 'cumulative_differs',
    text: /credited in earlier epochs is not what they published/,
    sealed: 2n,
    files: editInput(({ workers }) => {
      (workers[own(workers)] as Input['workers'][number]).cumulative = { ETH: '1' };
    }),
  },
  {
    name: 'stale root',
    fault: 'root_stale',
    text: /the root is still that of the epoch before/,
    sealed: 2n,
    files: (files) => {
      const { head } = JSON.parse(files.get('epoch-1/epoch.json') as string) as Head;
      editHead((mine) => (mine.root = head.root))(files);
    },
  },
  {
    name: 'root of other leaves',
    fault: 'root_differs',
    text: /the leaves do not come to the published root/,
    sealed: 2n,
    files: editHead((head) => (head.root = 'ab'.repeat(32))),
  },
  {
    name: 'leaves swapped',
    fault: 'file_malformed',
    text: /is twice in the file or out of order/,
    files: (files) =>
      edit<Leaves>(files, 'epoch-2/leaves.json', ({ leaves }) => void leaves.reverse()),
  },
  {
    name: 'total wrong',
    fault: 'total_wrong',
    text: /add up to other totals than the published ones/,
    sealed: 2n,
    files: editHead((head) => (head.totals.units = '101')),
  },
  {
    name: 'income lines do not add up',
    fault: 'income_wrong',
    text: /the lines of the income come to 1999 ETH, and not to 2000 ETH/,
    sealed: 2n,
    files: editInput(({ incomeLines }) => {
      (incomeLines[0] as Input['incomeLines'][number]).amount = '1999';
    }),
  },
  {
    name: 'income understated against the chain',
    fault: 'income_not_on_chain',
    text: /income has 2000 ETH of redeemed tickets, and their transactions show 2500/,
    chain: (chain) => {
      const [hash, redemption] = [...chain].find(([, { logs }]) =>
        logs[0]?.data.endsWith('7d0'),
      ) as [string, never];
      const { logs, ...rest } = redemption as { logs: { data: string }[] };
      chain.set(hash, {
        ...rest,
        logs: logs.map((log) => ({ ...log, data: log.data.replace('7d0', '9c4') })),
      } as never);
    },
  },
  {
    name: 'income that is not on the chain',
    fault: 'income_not_on_chain',
    text: /names the transaction 0x0*1, which is not final on the chain/,
    chain: (chain) => void chain.delete([...chain.keys()][0] as string),
  },
  {
    name: 'history rewritten',
    fault: 'history_rewritten',
    text: /does not go on from the epoch before: it was rewritten/,
    sealed: 1n,
    files: (files) => {
      const root = 'cd'.repeat(32);
      edit<Head>(files, 'epoch-1/epoch.json', ({ head }) => (head.history.root = root));
      edit<{ after: { root: string } }>(
        files,
        'epoch-1/history.json',
        ({ after: end }) => (end.root = root),
      );
      edit<{ before: { root: string } }>(
        files,
        'epoch-2/history.json',
        ({ before }) => (before.root = root),
      );
    },
  },
  {
    name: 'history of another epoch',
    fault: 'history_rewritten',
    text: /proves something about other histories/,
    files: (files) =>
      void files.set('epoch-2/history.json', files.get('epoch-1/history.json') as string),
  },
  {
    name: 'epoch rewritten after its publication',
    fault: 'epoch_chain_broken',
    text: /index names another record of the epoch/,
    files: async (files) => {
      const index = files.get('index.json') as string;
      editHead((head) => (head.income.ETH = '1'))(files);
      await pool.reseal(files, 2n);
      files.set('index.json', index);
    },
  },
  {
    name: 'epoch signed by nobody',
    fault: 'epoch_signature_wrong',
    text: /record of the epoch has a wrong signature/,
    files: editHead((head) => (head.income.ETH = '1')),
  },
  {
    name: 'epoch that names another one before it',
    fault: 'epoch_chain_broken',
    text: /does not name the record of the epoch before/,
    files: async (files) => {
      editHead((head) => (head.previous = 'ef'.repeat(32)))(files);
      await pool.seal(files, 2n);
    },
  },
  {
    name: 'terms of another publication',
    fault: 'terms_differ',
    text: /holds other terms than the epoch was settled by/,
    files: (files) =>
      edit<{ terms: { name: string } }>(
        files,
        'terms/1.json',
        ({ terms }) => (terms.name = 'Other'),
      ),
  },
  {
    name: 'key that the account never endorsed',
    fault: 'key_not_endorsed',
    text: /receipt key 1 is not signed by the account/,
    files: (files) =>
      edit<{ keys: { endorsement: string }[] }>(files, 'index.json', ({ keys }) => {
        (keys[0] as { endorsement: string }).endorsement = `${'11'.repeat(64)}1b`;
      }),
  },
  {
    name: 'file missing',
    fault: 'file_missing',
    text: /epoch-3\/leaves.json is not there/,
    files: (files) => void files.delete('epoch-3/leaves.json'),
  },
  {
    name: 'file with a byte changed',
    fault: 'file_malformed',
    text: /epoch-3\/leaves.json: the file is not canonical JSON/,
    files: (files) => void files.set('epoch-3/leaves.json', ` ${files.get('epoch-3/leaves.json')}`),
  },
  {
    name: 'unpaid',
    fault: 'payment_not_on_chain',
    text: /900 ETH are listed as paid, and the chain has no transaction/,
    chain: (chain) => void chain.delete(second),
  },
  {
    name: 'payment failed',
    fault: 'payment_not_on_chain',
    text: /and the transaction 0x[0-9a-f]+ failed/,
    chain: (chain) =>
      void chain.set(second, { ...(chain.get(second) as object), succeeded: false } as never),
  },
  {
    name: 'short-paid',
    fault: 'payment_short',
    text: /900 ETH are listed as paid, and the transaction 0x[0-9a-f]+ moved 899/,
    chain: (chain) =>
      void chain.set(second, { ...(chain.get(second) as object), value: 899n } as never),
  },
  {
    name: 'paid to somebody else',
    fault: 'payment_short',
    text: /moved 0 to 0xa1a1/,
    chain: (chain) =>
      void chain.set(second, {
        ...(chain.get(second) as object),
        to: `0x${'99'.repeat(20)}`,
      } as never),
  },
  {
    name: 'payment that is not final',
    fault: 'payment_not_final',
    text: /is not final yet/,
    final: 4n,
  },
  {
    name: 'one payment listed twice',
    fault: 'payment_short',
    text: /1800 ETH are listed as paid/,
    files: (files) =>
      edit<{ payouts: { id: string }[] }>(files, 'epoch-3/payouts.json', ({ payouts }) => {
        payouts.push({ ...(payouts[0] as { id: string }), id: 'again' });
      }),
  },
  {
    name: 'more paid than owed',
    fault: 'paid_too_much',
    text: /listed as paid, of/,
    files: (files) =>
      edit<{ payouts: { amount: string }[] }>(files, 'epoch-3/payouts.json', ({ payouts }) => {
        (payouts[0] as { amount: string }).amount = '5000';
      }),
    chain: (chain) =>
      void chain.set(second, { ...(chain.get(second) as object), value: 5_000n } as never),
  },
  {
    name: 'worker that is not there',
    fault: 'worker_unknown',
    text: /the pool has no worker nobody/,
  },
];

for (const { name, fault, text, ...change } of tamperings) {
  test(`found and named: ${name}`, async () => {
    const files = new Map(honest);
    await change.files?.(files);
    if (change.sealed !== undefined) await pool.reseal(files, change.sealed);
    const given = change.receipts ? await change.receipts([...receipts]) : receipts;
    const chain = new Map(pool.chain);
    change.chain?.(chain);
    const verdict = await pool.verify(fault === 'worker_unknown' ? 'nobody' : heron, {
      files,
      receipts: given,
      chain,
      ...(change.final === undefined ? {} : { final: change.final }),
    });
    assert.ok(!verdict.ok, 'it was not found');
    assert.match(verdict.text, text);
    assert.equal(verdict.fault, fault);
  });
}

test('every fault that there is has a case above', () => {
  const tried = new Set(tamperings.map(({ fault }) => fault));
  const elsewhere = [
    'receipt_malformed',
    'index_wrong',
    'chain_differs',
    'sum_overflow',
    // In disputes.test.ts, verify-anchors.test.ts, payout-lists.test.ts and verify-kept.test.ts.
    ...(['disputes_rewritten', 'award_differs', 'anchor_differs', 'payout_repeated'] as const),
    ...(['sibling_swapped', 'epoch_replaced'] as const),
  ];
  assert.deepEqual(
    verifyFaults.filter((fault) => !tried.has(fault) && !elsewhere.includes(fault)),
    [],
  );
});
