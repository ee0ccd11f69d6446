import sql from 'sql-template-tag';
import type { Hex } from 'viem';
import { hex, parseHex } from '../base/bytes.ts';
import { type Instant, instant } from '../base/clock.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type {
  Attempt,
  BoundEntry,
  Entry,
  Inclusion,
  Intent,
  IntentId,
  JournalWrite,
  OpenEntry,
  SettledEntry,
} from './journal-types.ts';

/** One account on one chain: what a journal is of. */
export interface JournalAccount {
  readonly chainId: number;
  readonly address: Hex;
}

/** A journal as it is stored, with the version that the next write must name. */
export interface StoredJournal {
  readonly version: bigint;
  readonly entries: readonly OpenEntry[];
  readonly nonceFloor: number;
}

/** What became of an intent. */
export type IntentFate = SettledEntry | { readonly state: 'open' };

/**
 * Adds something to be done, in the transaction of whoever wants it, so that neither exists without
 * the other. `known`: it was wanted before, and may be done already. Its journal hears of it on the
 * channel `chain_intent`, with the id as payload.
 */
export async function addIntent(
  tx: Transaction,
  { chainId, address }: JournalAccount,
  intent: Intent,
): Promise<'added' | 'known'> {
  const { id, to, value, data, gasLimit, worthWei } = intent;
  await tx.query(sql`
    insert into chain_account (chain_id, account) values (${chainId}, ${bytes(address)})
    on conflict do nothing`);
  const { count } = await tx.query(sql`
    insert into chain_intent (chain_id, account, id, recipient, value, calldata, gas_limit, worth)
    values (${chainId}, ${bytes(address)}, ${id}, ${bytes(to)}, ${value}, ${bytes(data)},
      ${gasLimit}, ${worthWei ?? null})
    on conflict (chain_id, account, id) do nothing`);
  if (count === 0) return 'known';
  await tx.query(sql`select pg_notify('chain_intent', ${id})`);
  return 'added';
}

/** Everything that is not settled yet, in the order in which it was wanted. */
export async function loadJournal(
  from: Transaction,
  account: JournalAccount,
): Promise<StoredJournal> {
  const { chainId, address } = account;
  // The lock keeps writers out, so that the entries belong to the version.
  const { rows: versions } = await from.query<{ version: bigint }>(sql`
    insert into chain_account (chain_id, account) values (${chainId}, ${bytes(address)})
    on conflict (chain_id, account) do update set version = chain_account.version
    returning version`);
  const { rows } = await from.query<IntentRow>(sql`
    select i.number, id, recipient, value, calldata, gas_limit, worth, withdrawn, state, reason,
      hash, block, succeeded, n.nonce
    from chain_intent i
    left join chain_nonce n on n.intent = i.number and n.used_up_by is null
    where i.chain_id = ${chainId} and i.account = ${bytes(address)}
      and state not in ('final', 'failed')
    order by i.number`);
  const attempts = await openAttempts(from, account);
  const { rows: floors } = await from.query<{ floor: bigint | null }>(sql`
    select max(nonce) + 1 as floor from chain_nonce n join chain_intent i on i.number = n.intent
    where n.chain_id = ${chainId} and n.account = ${bytes(address)}
      and (n.used_up_by is not null or i.state = 'final')`);
  return {
    version: versions[0]?.version ?? 0n,
    entries: rows.map((row) => decodeOpen(row, attempts)),
    nonceFloor: Number(floors[0]?.floor ?? 0n),
  };
}

/** One intent that was added after the journal was loaded; undefined when it is not waiting. */
export async function loadIntent(
  from: Queryable,
  { chainId, address }: JournalAccount,
  id: IntentId,
): Promise<Intent | undefined> {
  const { rows } = await from.query<IntentRow>(sql`
    select id, recipient, value, calldata, gas_limit, worth from chain_intent
    where chain_id = ${chainId} and account = ${bytes(address)} and id = ${id}
      and state = 'intended'`);
  return rows[0] && decodeIntent(rows[0]);
}

/** What became of an intent; undefined when there is none of that id. */
export async function fateOf(
  from: Queryable,
  { chainId, address }: JournalAccount,
  id: IntentId,
): Promise<IntentFate | undefined> {
  const { rows } = await from.query<IntentRow>(sql`
    select id, recipient, value, calldata, gas_limit, worth, withdrawn, state, reason, i.hash,
      block, succeeded, t.nonce
    from chain_intent i left join chain_transaction t on t.hash = i.hash
    where i.chain_id = ${chainId} and i.account = ${bytes(address)} and id = ${id}`);
  const [row] = rows;
  if (!row) return undefined;
  const base = { intent: decodeIntent(row), withdrawn: row.withdrawn };
  if (row.state === 'failed' && row.reason) return { ...base, state: 'failed', reason: row.reason };
  if (row.state !== 'final') return { state: 'open' };
  return { ...base, state: 'final', nonce: Number(row.nonce), inclusion: decodeInclusion(row) };
}

/**
 * Stores all writes of one step. `stale`: somebody else wrote in between, or an earlier commit
 * whose answer was lost did succeed; nothing is written, and the journal must be loaded anew.
 */
export async function storeStep(
  tx: Transaction,
  account: JournalAccount,
  version: bigint,
  writes: readonly JournalWrite[],
): Promise<'stored' | 'stale'> {
  const { count } = await tx.query(sql`
    update chain_account set version = version + 1
    where chain_id = ${account.chainId} and account = ${bytes(account.address)}
      and version = ${version}`);
  if (count === 0) return 'stale';
  for (const write of writes) await storeWrite(tx, account, write);
  return 'stored';
}

async function storeWrite(
  tx: Transaction,
  account: JournalAccount,
  write: JournalWrite,
): Promise<void> {
  switch (write.write) {
    case 'entry':
      await storeEntry(tx, account, write.entry);
      break;
    case 'attempt':
      await storeAttempt(tx, account, write);
      break;
    case 'replaced':
      await tx.query(sql`
        update chain_nonce set used_up_by = ${bytes(write.by)}
        where chain_id = ${account.chainId} and account = ${bytes(account.address)}
          and nonce = ${write.nonce}`);
      break;
  }
}

async function storeEntry(tx: Transaction, account: JournalAccount, entry: Entry): Promise<void> {
  const { intent, withdrawn, state } = entry;
  // Only what the journal wants of its own accord, to fill a gap, is not there already.
  if (state === 'intended') await addIntent(tx, account, intent);
  const done = 'inclusion' in entry ? entry.inclusion : undefined;
  await tx.query(sql`
    update chain_intent set withdrawn = ${withdrawn}, state = ${state},
      reason = ${state === 'failed' ? entry.reason : null}, hash = ${done ? bytes(done.hash) : null},
      block = ${done?.block ?? null}, succeeded = ${done?.succeeded ?? null}
    where chain_id = ${account.chainId} and account = ${bytes(account.address)}
      and id = ${intent.id}`);
}

async function storeAttempt(
  tx: Transaction,
  { chainId, address }: JournalAccount,
  { intent, nonce, attempt }: Extract<JournalWrite, { write: 'attempt' }>,
): Promise<void> {
  const { hash, kind, raw, maxFeePerGas, maxPriorityFeePerGas, signedAt } = attempt;
  // The nonce of another intent is refused by the table's key.
  await tx.query(sql`
    insert into chain_nonce (chain_id, account, nonce, intent)
    select chain_id, account, ${nonce}, number from chain_intent
    where chain_id = ${chainId} and account = ${bytes(address)} and id = ${intent}
      and not exists (select from chain_nonce n
        where n.intent = chain_intent.number and n.nonce = ${nonce})`);
  await tx.query(sql`
    insert into chain_transaction (hash, chain_id, account, nonce, kind, raw, max_fee_per_gas,
      max_priority_fee_per_gas, signed_at)
    values (${bytes(hash)}, ${chainId}, ${bytes(address)}, ${nonce}, ${kind}, ${bytes(raw)},
      ${maxFeePerGas}, ${maxPriorityFeePerGas},
      'epoch'::timestamptz + ${signedAt}::double precision * interval '1 millisecond')`);
}

interface IntentRow {
  id: string;
  recipient: Buffer;
  value: bigint;
  calldata: Buffer;
  gas_limit: bigint;
  worth: bigint | null;
  withdrawn: boolean;
  state: Entry['state'];
  reason: Extract<Entry, { state: 'failed' }>['reason'] | null;
  hash: Buffer | null;
  block: bigint | null;
  succeeded: boolean | null;
  nonce: bigint | null;
}

interface AttemptRow {
  hash: Buffer;
  nonce: bigint;
  kind: Attempt['kind'];
  raw: Buffer;
  max_fee_per_gas: bigint;
  max_priority_fee_per_gas: bigint;
  signed_at: Instant;
}

async function openAttempts(
  from: Queryable,
  { chainId, address }: JournalAccount,
): Promise<ReadonlyMap<bigint, readonly Attempt[]>> {
  const { rows } = await from.query<AttemptRow>(sql`
    select t.hash, t.nonce, kind, raw, max_fee_per_gas, max_priority_fee_per_gas, signed_at
    from chain_transaction t
    join chain_nonce n using (chain_id, account, nonce)
    join chain_intent i on i.number = n.intent
    where t.chain_id = ${chainId} and t.account = ${bytes(address)}
      and n.used_up_by is null and i.state not in ('final', 'failed')
    order by t.number`);
  const byNonce = new Map<bigint, Attempt[]>();
  for (const row of rows) {
    const known = byNonce.get(row.nonce);
    if (known) known.push(decodeAttempt(row));
    else byNonce.set(row.nonce, [decodeAttempt(row)]);
  }
  return byNonce;
}

function decodeAttempt(row: AttemptRow): Attempt {
  return {
    kind: row.kind,
    raw: hexOf(row.raw),
    hash: hexOf(row.hash),
    maxFeePerGas: row.max_fee_per_gas,
    maxPriorityFeePerGas: row.max_priority_fee_per_gas,
    signedAt: row.signed_at,
  };
}

function decodeIntent(row: IntentRow): Intent {
  return {
    id: row.id as IntentId,
    to: hexOf(row.recipient),
    value: row.value,
    data: hexOf(row.calldata),
    gasLimit: row.gas_limit,
    worthWei: row.worth ?? undefined,
  };
}

function decodeOpen(
  row: IntentRow,
  attemptsByNonce: ReadonlyMap<bigint, readonly Attempt[]>,
): OpenEntry {
  const base = { intent: decodeIntent(row), withdrawn: row.withdrawn };
  if (row.state === 'intended') return { ...base, state: 'intended', retryAt: instant(0) };
  const [first, ...more] = attemptsByNonce.get(row.nonce ?? -1n) ?? [];
  if (!first) throw new RangeError('an intent is signed, but nothing is stored for it');
  const attempts: BoundEntry['attempts'] = [first, ...more];
  const bound = { ...base, nonce: Number(row.nonce), attempts };
  if (row.state === 'signed' || row.state === 'broadcast') {
    return { ...bound, state: row.state, delivery: { is: 'due' } };
  }
  return { ...bound, state: 'included', inclusion: decodeInclusion(row) };
}

function decodeInclusion({ hash, block, succeeded }: IntentRow): Inclusion {
  if (!hash || block === null || succeeded === null) {
    throw new RangeError('an included transaction without its place');
  }
  return { hash: hexOf(hash), block, succeeded };
}

function hexOf(buffer: Buffer): Hex {
  return `0x${hex(buffer)}`;
}

function bytes(text: Hex): Buffer {
  const decoded = parseHex(text);
  if (!decoded) throw new RangeError('not hex');
  return Buffer.from(decoded);
}
