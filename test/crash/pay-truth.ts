import assert from 'node:assert/strict';
import sql from 'sql-template-tag';
import type { Hex } from 'viem';
import type { Database } from '../../src/database/database.ts';
import { RECEIPT_BYTES } from '../../src/proofs/receipt.ts';
import type { TestChain } from '../start-chain-pool.ts';

/** What workers were told, whatever the pool forgot. */
export interface PayTruth {
  /** Task ids whose answers were taken with 200. */
  readonly tasks: bigint[];
  /** Receipts as they came in headers: base64 of body and signature. */
  readonly receipts: string[];
}

/** A worker and where it is paid. */
export interface Paid {
  readonly worker: string;
  readonly address: Hex;
  readonly asset: 'ETH' | 'USDC';
}

/** Compares a dead pool's books with what everybody was told, and with themselves. */
export async function checkPayBooks(database: Database, truth: PayTruth): Promise<void> {
  const { rows: sums } = await database.query(sql`
    select asset from account_balance group by asset having sum(balance) <> 0`);
  assert.deepEqual(sums, [], 'all accounts of an asset add up to nothing');
  const { rows: wrong } = await database.query(sql`select account from wrong_balances()`);
  assert.deepEqual(wrong, [], 'each balance is the sum of its entries');

  const { rows: credited } = await database.query<{ task: bigint; job: string }>(
    sql`select task, job from contribution where verdict = 'credited'`,
  );
  assert.equal(new Set(credited.map(({ job }) => job)).size, credited.length, 'no job twice');
  const tasks = new Set(credited.map(({ task }) => task));
  const lost = truth.tasks.filter((task) => !tasks.has(task));
  assert.deepEqual(lost, [], 'acknowledged is stored');
  await checkReceipts(database, truth, credited.length);

  const { rows: flying } = await database.query(sql`
    select p.id, p.state, l.owed_amount, b.balance from payout p
    join payout_line l on l.payout = p.id
    left join account_balance b on b.account = 'in_flight:' || p.id and b.asset = l.owed_asset
    where coalesce(-b.balance, 0) <>
      case when p.state in ('reserved', 'signed', 'broadcast', 'included', 'unproven')
        then l.owed_amount else 0 end`);
  assert.deepEqual(flying, [], 'what is in flight is what is on its way');
  const { rows: overpaid } = await database.query(sql`
    select account, asset, balance from account_balance
    where starts_with(account, 'worker:') and balance > 0`);
  assert.deepEqual(overpaid, [], 'nobody was taken more from than it was owed');
  await checkEpochs(database);
}

async function checkReceipts(
  database: Database,
  { receipts }: PayTruth,
  credited: number,
): Promise<void> {
  const { rows: gaps } = await database.query<{ worker: string; count: bigint }>(sql`
    select worker, count(*) as count from receipt
    group by worker having count(*) <> max(sequence)`);
  assert.deepEqual(gaps, [], 'the receipts of each worker have no gap');
  const { rows } = await database.query<{ count: bigint }>(
    sql`select count(*) as count from receipt`,
  );
  assert.equal(rows[0]?.count, BigInt(credited), 'a receipt for each job');
  const held = receipts.map((text) => Buffer.from(text, 'base64').subarray(0, RECEIPT_BYTES));
  const { rows: known } = await database.query<{ count: bigint }>(sql`
    select count(distinct given) as count from unnest(${held}::bytea[]) as given
    where exists (select from receipt where body = given)`);
  assert.equal(known[0]?.count, BigInt(new Set(receipts).size), 'a receipt that was given is kept');
}

/** What an epoch earned is what its workers and the pool got, and receipts say the same as totals. */
async function checkEpochs(database: Database): Promise<void> {
  const { rows } = await database.query(sql`
    select e.number from epoch e
    where e.state = 'closed' and (
      not exists (select from posting p where p.cause = 'epoch:' || e.number)
        and exists (select from epoch_worker w where w.epoch = e.number and w.owed <> '{}')
      or exists (select from worker_epoch t where t.epoch = e.number and t.jobs <>
        (select count(*) from receipt r where r.worker = t.worker and r.epoch = t.epoch)))`);
  assert.deepEqual(rows, [], 'each closed epoch is booked once and covers its receipts');
}

interface Sums {
  readonly worker: string;
  /** Wei that epochs credited. */
  readonly credited: bigint;
  /** Wei that payouts which were reserved and did not fail took of it. */
  readonly taken: bigint;
  /** What those pay, in their asset. */
  readonly paying: bigint;
  readonly final: bigint;
}

async function sumsOf(database: Database): Promise<ReadonlyMap<string, Sums>> {
  const { rows } = await database.query<Sums>(sql`
    select w.id as worker,
      coalesce((select -sum(e.amount) from entry e join posting p on p.number = e.posting
        where e.account = 'worker:' || w.id and e.asset = 'ETH' and p.kind = 'epoch'), 0) as credited,
      coalesce((select sum(l.owed_amount) from payout p join payout_line l on l.payout = p.id
        where p.worker = w.id and p.state not in ('owed', 'failed')), 0) as taken,
      coalesce((select sum(p.amount) from payout p
        where p.worker = w.id and p.state not in ('owed', 'failed')), 0) as paying,
      coalesce((select sum(p.received) from payout p
        where p.worker = w.id and p.state = 'final'), 0) as final
    from worker w`);
  return new Map(rows.map((row) => [row.worker, row]));
}

/** What the chain says that each was paid, less the wei with which its account was made. */
async function received(chain: TestChain, token: Hex, { address, asset }: Paid): Promise<bigint> {
  if (asset === 'ETH') return (await chain.reader.getBalance({ address })) - 1n;
  return chain.reader.readContract({
    address: token,
    abi: chain.devnet.abis.UsdToken,
    functionName: 'balanceOf',
    args: [address],
  }) as Promise<bigint>;
}

/** Looks at chain and books all the while. */
export function watchPayments(
  database: Database,
  chain: TestChain,
  { paid, token }: { readonly paid: readonly Paid[]; readonly token: Hex },
): { fine(): void; stop(): Promise<void> } {
  let stopped = false;
  let looks = 0;
  let found: Error | undefined;

  async function look(): Promise<void> {
    // First the chain: what is seen there was reserved before, and is in the books for ever.
    const there = await Promise.all(paid.map((one) => received(chain, token, one)));
    const sums = await sumsOf(database);
    for (const [index, { worker }] of paid.entries()) {
      const { credited, taken, paying } = sums.get(worker) as Sums;
      assert.ok(taken <= credited, `${worker} is paid for ${taken} and owed ${credited}`);
      const got = there[index] as bigint;
      assert.ok(got <= paying, `${worker} got ${got} where ${paying} is paid`);
    }
    looks += 1;
  }
  const looking = (async () => {
    while (!stopped && !found) {
      await look().catch((error: Error) => {
        if (!stopped) found = error;
      });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  return {
    fine() {
      if (found) throw found;
      assert.ok(looks > 0);
    },
    async stop() {
      stopped = true;
      await looking;
    },
  };
}

/** When it is quiet: everybody got all that it was owed, in transactions that the books know. */
export async function checkPaid(
  database: Database,
  chain: TestChain,
  world: { readonly payer: Hex; readonly paid: readonly Paid[]; readonly token: Hex },
): Promise<void> {
  const sums = await sumsOf(database);
  for (const one of world.paid) {
    const { credited, taken, paying, final } = sums.get(one.worker) as Sums;
    assert.ok(credited > 0n);
    assert.equal(taken, credited, `${one.worker} was paid for all that it was owed`);
    assert.equal(await received(chain, world.token, one), final);
    assert.equal(final, paying);
  }
  const { rows } = await database.query<{ count: bigint; failed: bigint }>(sql`
    select count(*) as count, count(*) filter (where state <> 'final' or not succeeded) as failed
    from chain_intent where account = ${Buffer.from(world.payer.slice(2), 'hex')}`);
  const sent = await chain.reader.getTransactionCount({ address: world.payer });
  assert.deepEqual([rows[0]?.count, rows[0]?.failed], [BigInt(sent), 0n], 'nothing else was sent');
}
