import sql from 'sql-template-tag';
import { type Instant, instant } from '../base/clock.ts';
import type { Queryable } from '../database/transaction.ts';
import type { Recipient } from '../payouts/plan-types.ts';
import { addressIn, bytes, time } from '../payouts/store.ts';
import type { Role } from './access.ts';

/** Somebody who runs the pool. */
export interface Operator {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly address: Recipient | undefined;
  readonly addedAt: Instant;
}

/** Adds an operator. Throws `database_failed` with the constraint `operator_name` or `operator_address`. */
export async function addOperator(tx: Queryable, operator: Operator): Promise<void> {
  const { id, name, role, address, addedAt } = operator;
  await tx.query(sql`
    insert into operator (id, name, role, address, added_at)
    values (${id}, ${name}, ${role}, ${bytes(address)}, ${time(addedAt)})`);
}

/** Operators by name; those who were removed are not among them. */
export async function operators(from: Queryable, name?: string): Promise<readonly Operator[]> {
  const { rows } = await from.query<{
    id: string;
    name: string;
    role: Role;
    address: Buffer | null;
    added_at: Instant;
  }>(sql`
    select id, name, role, address, added_at from operator
    where removed_at is null and (${name ?? null}::text is null or lower(name) = lower(${name ?? null}))
    order by lower(name)`);
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    role: row.role,
    address: addressIn(row.address),
    addedAt: instant(row.added_at),
  }));
}

/** Removes an operator, whose sessions end with it. */
export async function removeOperator(tx: Queryable, id: string, at: Instant): Promise<void> {
  await tx.query(sql`update operator set removed_at = ${time(at)} where id = ${id}`);
}
