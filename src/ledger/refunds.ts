import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import type { Clock, Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Database } from '../database/database.ts';
import type { Queryable } from '../database/transaction.ts';
import { account } from './accounts.ts';
import { openEpoch } from './epoch-store.ts';
import type { Posting } from './postings.ts';
import { post } from './postings-store.ts';

/** What a gateway took back, or was given back, for work that failed at its side. */
export interface Refund {
  /** Unique for ever: the gateway's own reference, or a name for it. */
  readonly id: string;
  /** Whose work it was. */
  readonly worker: WorkerId;
  readonly asset: AssetId;
  /** Base units, more than 0. */
  readonly amount: bigint;
  readonly reason?: string;
}

export type RefundRefusal = 'refund_id_invalid' | 'refund_amount_invalid' | 'refund_known';

/** Refunds in the books. */
export interface Refunds {
  /**
   * Takes a refund out of the income of the open epoch; who bears it, the terms say when the epoch
   * is settled. The same refund again changes nothing; another one of that id is `refund_known`.
   */
  add(
    refund: Refund,
  ): Promise<{ readonly ok: true; readonly epoch: bigint } | { ok: false; reason: RefundRefusal }>;
  list(worker?: WorkerId): Promise<readonly StoredRefund[]>;
}

export type StoredRefund = Refund & { readonly at: Instant };

const ID = /^[A-Za-z0-9._-]{1,80}$/;
const REASON_CHARS_MAX = 500;
/** Refunds that are listed at once. */
const LIST_MAX = 1_000;

export function createRefunds(parts: { database: Database; clock: Clock }): Refunds {
  const { database, clock } = parts;
  return {
    async add(refund) {
      const { id, worker, asset, amount } = refund;
      if (!ID.test(id)) return { ok: false, reason: 'refund_id_invalid' };
      if (amount <= 0n || amount >= 2n ** 127n)
        return { ok: false, reason: 'refund_amount_invalid' };
      const reason = refund.reason?.slice(0, REASON_CHARS_MAX) ?? null;
      return database.transact(async (tx) => {
        // One after the other, as all postings are: two of one id must not pass this together.
        await tx.query(sql`select pg_advisory_xact_lock(hashtextextended('tributary ledger', 0))`);
        const known = await refundOf(tx, id);
        const epoch = await openEpoch(tx);
        if (known) {
          const same = known.worker === worker && known.asset === asset && known.amount === amount;
          return same
            ? { ok: true as const, epoch: epoch.number }
            : { ok: false as const, reason: 'refund_known' as const };
        }
        const at = clock.now();
        const posting = refunded({ ...refund, at, epoch: epoch.number });
        await post(tx, posting);
        await tx.query(sql`
          insert into refund (id, worker, asset, amount, reason, at, posting)
          select ${id}, ${worker}, ${asset}, ${String(amount)}::numeric, ${reason},
            'epoch'::timestamptz + ${at}::double precision * interval '1 millisecond', number
          from posting where cause = ${posting.cause}`);
        return { ok: true as const, epoch: epoch.number };
      });
    },
    async list(worker) {
      const { rows } = await database.query<RefundRow>(sql`
        select id, worker, asset, amount, reason, at from refund
        where ${worker ?? null}::text is null or worker = ${worker ?? null}
        order by posting desc limit ${LIST_MAX}`);
      return rows.map(decode);
    },
  };
}

/** Income is less by it; what the pool gave back, or still has to, stands on its account. */
function refunded(refund: Refund & { readonly at: Instant; readonly epoch: bigint }): Posting {
  const { id, at, epoch, asset, amount, worker, reason } = refund;
  const note = reason === undefined ? {} : { note: reason.slice(0, REASON_CHARS_MAX) };
  return {
    cause: `refund:${id}`,
    kind: 'refund',
    at,
    epoch,
    entries: [
      { account: account('income'), asset, amount, ...note },
      { account: account('refunds'), asset, amount: -amount, ...note },
    ],
    facts: { refund: id, worker },
  };
}

interface RefundRow {
  id: string;
  worker: string;
  asset: string;
  amount: bigint;
  reason: string | null;
  at: Instant;
}

function decode({ reason, ...row }: RefundRow): StoredRefund {
  return {
    ...row,
    worker: row.worker as WorkerId,
    asset: row.asset as AssetId,
    ...(reason === null ? {} : { reason }),
  };
}

async function refundOf(from: Queryable, id: string): Promise<StoredRefund | undefined> {
  const { rows } = await from.query<RefundRow>(
    sql`select id, worker, asset, amount, reason, at from refund where id = ${id}`,
  );
  return rows[0] && decode(rows[0]);
}

/** Refunds that are in the income of an epoch, whose end is noted. */
export async function refundsOfEpoch(
  from: Queryable,
  epoch: bigint,
): Promise<readonly StoredRefund[]> {
  const { rows } = await from.query<RefundRow>(sql`
    select id, worker, asset, amount, reason, at from refund
    where posting > coalesce((select posting from epoch_end where epoch = ${epoch - 1n}), 0)
      and posting <= (select posting from epoch_end where epoch = ${epoch})
    order by id collate "C"`);
  return rows.map(decode);
}
