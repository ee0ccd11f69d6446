import sql from 'sql-template-tag';
import { exactAmount, exactAsset } from '../base/amounts.ts';
import { type AssetId, ETH, LPT } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Queryable } from '../database/transaction.ts';
import { account } from '../ledger/accounts.ts';
import { balanceOf } from '../ledger/postings-store.ts';
import type { Move } from './account-moves.ts';
import type { PayoutChain } from './payout-chain.ts';
import type { Recipient } from './plan-types.ts';
import type { Difference, ReconcileParts } from './reconcile.ts';
import { time } from './store.ts';

/** Lines that a difference is explained with. */
const LINES_MAX = 20;
/** Blocks that a node is asked for events of the stake in at once, the newest. */
const STAKE_BLOCKS_MAX = 10_000n;

/** An account of the books that chain and ledger know, and an asset of it. */
export interface Compared {
  readonly account: 'treasury' | 'bonding_fees' | 'bonding_rewards';
  readonly asset: AssetId;
  readonly decimals: number;
  /** Base units by the ledger and on chain. */
  readonly here: bigint;
  readonly there: bigint;
  /** What of it is nobody's but the operator's: from before the pool began, and LPT out of its stake. */
  readonly before: bigint;
}

/** Something that agreed: `treasury ETH`, and at which block. */
export interface Agreed {
  readonly what: string;
  readonly block: bigint;
}

/**
 * Treasury and fees as the chain has them for good: what is not final the books do not know yet.
 * Undefined where the pool has no account there. Throws what asking the chain throws.
 */
export async function compareWithChain(parts: ReconcileParts): Promise<
  | {
      readonly block: bigint | undefined;
      readonly compared: readonly (Compared & { readonly token?: Recipient | undefined })[];
    }
  | undefined
> {
  const { database, chain, terms, treasury, fees, stake } = parts;
  if (!chain) return undefined;
  const block = await chain.finalBlock();
  const marks = await marksOf(database);
  const before = (what: string) => marks.get(what)?.before ?? 0n;
  const compared: (Compared & { readonly token?: Recipient | undefined })[] = [];
  for (const [name, kind] of Object.entries((await terms()).assets)) {
    if (kind.kind !== 'native' && kind.kind !== 'erc20') continue;
    const asset = name as AssetId;
    const token = kind.kind === 'erc20' ? (kind.address.toLowerCase() as Recipient) : undefined;
    const held = await atBlock(block, (at) =>
      Promise.all(treasury.map((one) => chain.balanceAt(one, token, at))),
    );
    const there = held.reduce((sum, one) => sum + one, 0n);
    const here = await balanceOf(database, account('treasury'), asset);
    compared.push({
      ...{ account: 'treasury', asset, decimals: kind.decimals, here, there, token },
      before: before(`treasury ${asset}`),
    });
  }
  if (fees) {
    const there = await atBlock(block, fees.held);
    const here = await balanceOf(database, account('bonding_fees'), ETH);
    compared.push({
      ...{ account: 'bonding_fees', asset: ETH, decimals: 18, here, there },
      before: before(`bonding_fees ${ETH}`),
    });
  }
  if (stake) {
    const here = await balanceOf(database, account('bonding_rewards'), LPT);
    const held = here > 0n ? await atBlock(block, (at) => stake.held(at, here)) : here;
    // What the stake has beyond that is the operator's own, and in no book.
    const there = held < here ? held : here;
    compared.push({
      ...{ account: 'bonding_rewards', asset: LPT, decimals: 18, here, there, before: 0n },
    });
  }
  return { block, compared };
}

/** Nodes that keep no old states say what is now; a difference of the moment passes by itself. */
async function atBlock<T>(
  block: bigint | undefined,
  ask: (block: bigint | undefined) => Promise<T>,
): Promise<T> {
  if (block === undefined) return ask(undefined);
  return ask(block).catch(() => ask(undefined));
}

/** What of {@link compareWithChain} differs, with what causes it, and what agrees. */
export async function chainAgainstLedger(parts: ReconcileParts): Promise<
  | {
      readonly differences: readonly Difference[];
      readonly agreed: readonly Agreed[];
      /** What is set apart as the operator's own, in words. */
      readonly before: readonly string[];
    }
  | undefined
> {
  const { database, chain, treasury } = parts;
  const found = chain && (await compareWithChain(parts));
  if (!found) return undefined;
  const { block, compared } = found;
  const differences: Difference[] = [];
  const agreed: Agreed[] = [];
  const before: string[] = [];
  for (const one of compared) {
    const { account: name, asset, decimals, here, there } = one;
    const what = `${name} ${asset}`;
    const shown = (amount: bigint) => exactAsset(amount, asset, decimals);
    const own = there - one.before;
    const rest = one.before === 0n ? '' : ` beside ${shown(one.before)} of the operator's own`;
    if (one.before !== 0n) {
      before.push(`${name}: ${shown(one.before)} of the operator's own, not in the books`);
    }
    if (here === own) {
      if (block !== undefined) agreed.push({ what, block });
      continue;
    }
    const text =
      name === 'bonding_rewards'
        ? `rewards in the stake are ${shown(here)} by the ledger, and all of the stake is ${shown(own)}`
        : `${name} holds ${shown(here)} by the ledger, ${shown(own)} on chain${rest}`;
    const way = own > here ? 'more' : 'less';
    const size = `The chain has ${shown(own > here ? own - here : here - own)} ${way} than was booked.`;
    const lines = [...(name === 'treasury' ? await unbooked(database, treasury, asset) : [])];
    if (name === 'treasury') lines.push(...(await strange(parts, chain, { ...one, block })));
    if (name === 'bonding_rewards') lines.push(...(await lostStake(parts, block)));
    if (name === 'bonding_fees') lines.push(...(await unmeasured(database, here - own)));
    const mend = name === 'bonding_rewards' ? [mendStake(here - own)] : [];
    differences.push({ what: 'chain', about: what, text, lines: [...lines, size, ...mend] });
  }
  return { differences, agreed, before };
}

/** Final transactions of the treasury that no posting names, and payouts that are on their way. */
async function unbooked(
  from: Queryable,
  treasury: readonly Recipient[],
  asset: AssetId,
): Promise<readonly string[]> {
  const accounts = treasury.map((one) => Buffer.from(one.slice(2), 'hex'));
  const { rows } = await from.query<{ line: string }>(sql`
    (select 'transaction 0x' || encode(i.hash, 'hex') || ' (' || i.id || ') moved ' || i.value
        || ' wei, cost ' || coalesce(g.wei, 0) || ' wei of gas, and is in no posting' as line
     from chain_intent i left join chain_gas g on g.hash = i.hash
     where ${asset} = 'ETH' and i.account = any(${accounts}) and i.state = 'final'
       and not exists (select from posting p where p.facts ->> 'transaction' = '0x' || encode(i.hash, 'hex'))
     order by i.number desc limit ${LINES_MAX})
    union all
    (select 'payout ' || p.id || ' of ' || p.amount || ' is ' || p.state as line
     from payout p where p.asset = ${asset} and p.state in ('signed', 'broadcast', 'included', 'unproven')
     order by p.created_at desc limit ${LINES_MAX})`);
  return rows.map(({ line }) => line);
}

/** What moved money of the treasury since it agreed, and is neither in the journal nor in the books. */
async function strange(
  { database, treasury }: ReconcileParts,
  chain: PayoutChain,
  about: Compared & {
    readonly token?: Recipient | undefined;
    readonly block: bigint | undefined;
  },
): Promise<readonly string[]> {
  const { asset, decimals, token, block } = about;
  const last = (await marksOf(database)).get(`treasury ${asset}`);
  if (block === undefined) return [];
  if (!last) return ['It never agreed since this pool began to look: book what was there before.'];
  const since = new Date(last.at).toISOString();
  try {
    const wanted = { accounts: treasury, token, after: last.block, until: block };
    const moves = await chain.moves(wanted);
    const known = await knownOf(database, moves);
    const lines = moves
      .filter(({ transaction }) => !known.has(transaction))
      .map(({ transaction, block: at, from, to, amount }) => {
        const moved = exactAsset(amount, asset, decimals);
        const way = `from ${from} to ${to ?? 'a new contract'}`;
        return `transaction ${transaction} in block ${at} moved ${moved} ${way}: this pool did not send it, and it is in no posting`;
      });
    return [...lines, `It agreed at block ${last.block}, ${since}.`];
  } catch (error) {
    return [
      `It agreed at block ${last.block}, ${since}; what happened since is not told: ${messageOf(error)}`,
    ];
  }
}

/** What took stake without bringing it to the pool, since it was enough, as far as nodes tell. */
async function lostStake(
  { database, stake }: ReconcileParts,
  block: bigint | undefined,
): Promise<readonly string[]> {
  const last = (await marksOf(database)).get(`bonding_rewards ${LPT}`);
  if (!stake || !last || block === undefined || block <= last.block) return [];
  const first = block - STAKE_BLOCKS_MAX;
  const after = last.block > first ? last.block : first;
  try {
    const events = await stake.events({ after, until: block });
    return events
      .filter(({ is }) => is === 'withdrawn' || is === 'slashed' || is === 'transferred')
      .slice(-LINES_MAX)
      .map(
        ({ transaction, block: at, text }) => `transaction ${transaction} in block ${at} ${text}`,
      );
  } catch (error) {
    return [`What happened to the stake since block ${after} is not told: ${messageOf(error)}`];
  }
}

/** Redemptions of which no node says yet what of them is the delegators', and how to book it without one. */
async function unmeasured(from: Queryable, less: bigint): Promise<readonly string[]> {
  const { rows } = await from.query<{ hash: string; block: bigint | null }>(sql`
    select '0x' || encode(transaction, 'hex') as hash, block from redemption_unmeasured
    order by block desc nulls last limit ${LINES_MAX}`);
  const lines = rows.map(({ hash, block }) => {
    const place = block === null ? '' : ` in block ${block}`;
    return `transaction ${hash}${place} redeemed tickets; what of them is the delegators' is not known yet: it takes a node with the states before and after that block`;
  });
  if (lines.length === 0 || less <= 0n) return lines;
  const flags = `--account bonding_fees --asset ETH --less ${exactAmount(less)}`;
  return [
    ...lines,
    `Where no node will ever have them: tributary ledger correct ${flags} --reason "…"; a node that has them later changes nothing then`,
  ];
}

function mendStake(less: bigint): string {
  const flags = `--account bonding_rewards --asset LPT --less ${exactAmount(less)}`;
  return `Rewards that were slashed, or that left for an account which is not the pool's, are booked as taken out: tributary ledger correct ${flags} --reason "…"`;
}

/** Hashes that the journal or a posting has. */
async function knownOf(from: Queryable, moves: readonly Move[]): Promise<ReadonlySet<string>> {
  const hashes = moves.map(({ transaction }) => transaction);
  const { rows } = await from.query<{ hash: string }>(sql`
    select '0x' || encode(hash, 'hex') as hash from chain_transaction
    where hash = any(${hashes.map((one) => Buffer.from(one.slice(2), 'hex'))})
    union
    select facts ->> 'transaction' from posting where facts ->> 'transaction' = any(${hashes})`);
  return new Set(rows.map(({ hash }) => hash));
}

/** Keeps where ledger and chain agreed last. */
export async function keepAgreed(
  to: Queryable,
  agreed: readonly Agreed[],
  at: Instant,
): Promise<void> {
  for (const { what, block } of agreed) {
    await to.query(sql`
      insert into books_agreed (what, begun_block, block, at)
      values (${what}, ${block}, ${block}, ${time(at)})
      on conflict (what) do update set block = excluded.block, at = excluded.at
      where books_agreed.block < excluded.block`);
  }
}

/**
 * Sets apart what accounts have on chain while nothing was ever booked of them: gas money, and what an
 * orchestrator earned before it had this pool. Throws what asking the chain throws.
 */
export async function setApart(parts: ReconcileParts, at: Instant): Promise<void> {
  const { database } = parts;
  const found = await compareWithChain(parts);
  if (found?.block === undefined) return;
  const { block, compared } = found;
  for (const { account: name, asset, there } of compared) {
    await database.query(sql`
      insert into books_agreed (what, before, begun_block, block, at)
      select ${`${name} ${asset}`}, ${there}, ${block}, ${block}, ${time(at)}
      where not exists (select from account_balance where account = ${name} and asset = ${asset})
      on conflict (what) do nothing`);
  }
}

/** A deposit that was there already when the pool began is of its books once it is booked. */
export async function takeFromBefore(
  tx: Queryable,
  {
    asset,
    amount,
    block,
  }: { readonly asset: AssetId; readonly amount: bigint; readonly block: bigint },
): Promise<void> {
  await tx.query(sql`
    update books_agreed set before = before - ${amount}
    where what = ${`treasury ${asset}`} and begun_block >= ${block}`);
}

interface Mark {
  readonly before: bigint;
  readonly block: bigint;
  readonly at: Instant;
}

/** Where each account and asset agreed last, and what of it is set apart. */
export async function marksOf(from: Queryable): Promise<ReadonlyMap<string, Mark>> {
  const { rows } = await from.query<Mark & { what: string }>(
    sql`select what, before, block, at from books_agreed`,
  );
  return new Map(rows.map(({ what, ...mark }) => [what, mark]));
}
