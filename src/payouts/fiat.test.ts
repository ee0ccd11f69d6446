import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assetId } from '../base/asset.ts';
import { instant } from '../base/clock.ts';
import { fiatFile, readConfirmation, readCsv } from './fiat.ts';
import type { PayoutState } from './payout.ts';
import type { StoredBatch, StoredPayout } from './store.ts';

const EUR = assetId('EUR');
const id = (index: number) => `0000000${index}-0000-4000-8000-000000000000`;

function payout(index: number, state: PayoutState = { state: 'broadcast', reference: 'file' }) {
  return {
    id: id(index),
    batch: 'b',
    worker: `w${index}`,
    asset: EUR,
    amount: 1_250n + BigInt(index),
    recipient: undefined,
    fiatAccount: `DE${index}`,
    state,
    createdAt: instant(1),
    endedAt: undefined,
    lines: [],
  } as unknown as StoredPayout;
}
const all = [payout(0), payout(1), payout(2, { state: 'final', reference: 'x', received: 1n })];
const read = (text: string) =>
  readConfirmation(
    text,
    (wanted) => all.find((one) => one.id === wanted),
    () => 2,
  );

test('the file has one line a payout, and nothing that a spreadsheet would run', () => {
  const names = ['=HYPERLINK("http://x")', 'kiln, "two"', 'k'];
  const text = fiatFile([{ payouts: all } as unknown as StoredBatch], {
    decimals: () => 2,
    name: (worker) => names[Number(worker.slice(1))] as string,
    pool: 'Tributary',
  });
  const rows = readCsv(text).map(({ fields }) => fields);
  assert.deepEqual(rows[0], ['payout_id', 'name', 'account', 'amount', 'currency', 'reference']);
  assert.deepEqual(rows[1], [
    id(0),
    `'=HYPERLINK("http://x")`,
    'DE0',
    '12.50',
    'EUR',
    'Tributary 00000000',
  ]);
  assert.equal(rows[2]?.[1], 'kiln, "two"');
});

test('a whole confirmation is read, whatever its columns stand in', () => {
  const text = `reference,payout_id,status,amount\r\n"bank ""7""",${id(0)},paid,12.50\r\nr2,${id(1)},refused,\r\nr3,${id(2)},returned,`;
  assert.deepEqual(read(text), {
    ok: true,
    confirmations: [
      { id: id(0), status: 'paid', reference: 'bank "7"' },
      { id: id(1), status: 'refused', reference: 'r2' },
      { id: id(2), status: 'returned', reference: 'r3' },
    ],
  });
});

test('each broken line is named, and with one of them nothing is taken', () => {
  const lines = [
    'payout_id,status,reference,amount',
    `${id(0)},paid,ok,12.50`,
    `${id(9)},paid,ok,`,
    `${id(1)},perhaps,ok,`,
    `${id(1)},paid,,`,
    `${id(0)},paid,again,`,
    `${id(2)},paid,ok,`,
    'x,paid',
    '',
    `${id(1).toUpperCase()},paid,ok,99.99`,
  ];
  const result = read(lines.join('\n'));
  assert.ok(!result.ok);
  assert.deepEqual(
    result.faults.map(({ line }) => line),
    [3, 4, 5, 6, 7, 8, 10],
  );
  assert.deepEqual(
    [read('a,b\n1,2'), read('payout_id,status,reference\n')].map(({ ok }) => ok),
    [false, false],
  );
});
