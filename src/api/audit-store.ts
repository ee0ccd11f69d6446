import sql from 'sql-template-tag';
import { type Clock, type Instant, instant } from '../base/clock.ts';
import type { Database } from '../database/database.ts';
import type { Queryable } from '../database/transaction.ts';
import { time } from '../payouts/store.ts';
import type { Actor } from './access.ts';
import type { AuditLog, Change } from './audit.ts';
import { jsonText } from './replies.ts';

/** A text of an entry is as long as that; terms and files have their own place. */
const TEXT_MAX = 300;
const ENTRY_CHARACTERS_MAX = 4_000;
const SECRET = /token|signature|secret|password|credential|csrf|key|join|target/i;

/** One line of the audit log. */
export interface AuditLine {
  readonly number: bigint;
  readonly at: Instant;
  readonly actorKind: Actor['kind'];
  readonly actorId: string;
  readonly actorName: string;
  readonly route: string;
  readonly target: string;
  readonly asked: unknown;
  /** Null: it had not ended when the pool did. */
  readonly outcome: string | null;
  readonly before: unknown;
  readonly after: unknown;
}

/** The audit log in the table of the database. */
export function createAuditLog(database: Database, clock: Clock): AuditLog {
  return {
    async begin({ actor, route, target, asked }: Change) {
      const { rows } = await database.query<{ number: bigint }>(sql`
        insert into audit_log (at, actor_kind, actor_id, actor_name, route, target, asked)
        values (${time(clock.now())}, ${actor.kind}, ${idOf(actor)}, ${nameOf(actor)}, ${route},
          ${plain(target)}, ${summary(asked)}::jsonb)
        returning number`);
      const number = rows[0]?.number;
      return {
        async end(outcome, note) {
          await database.query(sql`
            update audit_log set outcome = ${outcome}, target = coalesce(${note.target ? plain(note.target) : null}, target),
              before = ${note.before ? summary(note.before) : null}::jsonb,
              after = ${note.after ? summary(note.after) : null}::jsonb
            where number = ${number}`);
        },
      };
    },
  };
}

/** Lines before a number, newest first; of one actor, or of all. */
export async function auditLines(
  from: Queryable,
  filter: {
    readonly before: bigint | undefined;
    readonly actor: string | undefined;
    readonly limit: number;
  },
): Promise<readonly AuditLine[]> {
  const { before, actor, limit } = filter;
  const { rows } = await from.query<{
    number: bigint;
    at: Instant;
    actor_kind: Actor['kind'];
    actor_id: string;
    actor_name: string;
    route: string;
    target: string;
    asked: unknown;
    outcome: string | null;
    before: unknown;
    after: unknown;
  }>(sql`
    select number, at, actor_kind, actor_id, actor_name, route, target, asked, outcome, before, after
    from audit_log
    where (${before ?? null}::bigint is null or number < ${before ?? null})
      and (${actor ?? null}::text is null or actor_id = ${actor ?? null})
    order by number desc limit ${limit}`);
  return rows.map(
    ({ actor_kind: actorKind, actor_id: actorId, actor_name: actorName, ...row }) => ({
      ...row,
      ...{ actorKind, actorId, actorName },
      at: instant(row.at),
    }),
  );
}

function idOf(actor: Actor): string {
  return actor.kind === 'nobody' ? '' : actor.id.slice(0, 100);
}

function nameOf(actor: Actor): string {
  return actor.kind === 'operator' ? actor.name : idOf(actor);
}

/** Without signs that a terminal or PostgreSQL would stumble over. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is taken out
  return text.replaceAll(/[\u0000-\u001f\u007f]/g, ' ').slice(0, TEXT_MAX);
}

/** JSON of what was asked or changed: secrets hidden, long texts cut. */
function summary(value: object): string {
  const text = jsonText(shortened(value, 0)).trim();
  if (text.length <= ENTRY_CHARACTERS_MAX) return text;
  return JSON.stringify({ fields: Object.keys(value).map(plain).slice(0, 50) });
}

function shortened(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return plain(value);
  if (typeof value !== 'object' || value === null || depth > 5) return depth > 5 ? '…' : value;
  if (Array.isArray(value)) return value.slice(0, 50).map((one) => shortened(one, depth + 1));
  const entries = Object.entries(value).map(([name, inner]) => {
    const hidden = SECRET.test(name) && typeof inner === 'string';
    return [plain(name), hidden ? '[hidden]' : shortened(inner, depth + 1)];
  });
  return Object.fromEntries(entries);
}
