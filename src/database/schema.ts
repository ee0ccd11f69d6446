import sql from 'sql-template-tag';
import type { Queryable } from './transaction.ts';

const HEAD = `-- What the migrations add up to, so that the effect of one is a readable diff.
-- Written by src/database/write-schema.ts from the catalogue; a test fails when it is stale.
`;

interface Line {
  table: string;
  text: string;
}

/** The schema of a migrated database as SQL, in an order that does not depend on its history. */
export async function dumpSchema(database: Queryable): Promise<string> {
  const functions = await database.query<{ text: string }>(sql`
    select pg_get_functiondef(oid) as text from pg_proc
    where pronamespace = 'public'::regnamespace order by proname`);
  const columns = await database.query<Line>(sql`
    select c.relname as table, concat_ws(' ', quote_ident(a.attname),
        format_type(a.atttypid, a.atttypmod),
        case when a.attnotnull then 'not null' end,
        'default ' || pg_get_expr(d.adbin, d.adrelid)) as text
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
    order by c.relname, a.attnum`);
  const constraints = await database.query<Line>(sql`
    select c.relname as table,
      concat_ws(' ', 'constraint', quote_ident(o.conname), pg_get_constraintdef(o.oid)) as text
    from pg_constraint o join pg_class c on c.oid = o.conrelid
    where c.relnamespace = 'public'::regnamespace and o.contype <> 'n'
    order by c.relname, array_position(array['p','u','f','c','x']::"char"[], o.contype), o.conname`);
  const indexes = await database.query<Line>(sql`
    select c.relname as table, pg_get_indexdef(i.indexrelid) as text
    from pg_index i join pg_class c on c.oid = i.indrelid
    where c.relnamespace = 'public'::regnamespace
      and not exists (select from pg_constraint o where o.conindid = i.indexrelid)
    order by c.relname, i.indexrelid::regclass::text`);
  const triggers = await database.query<Line>(sql`
    select c.relname as table, pg_get_triggerdef(t.oid) as text
    from pg_trigger t join pg_class c on c.oid = t.tgrelid
    where c.relnamespace = 'public'::regnamespace and not t.tgisinternal
    order by c.relname, t.tgname`);

  const of = (lines: readonly Line[], table: string) =>
    lines.filter((line) => line.table === table).map(({ text }) => text);
  const tables = [...new Set(columns.rows.map(({ table }) => table))].map((table) =>
    [
      `create table ${table} (`,
      [...of(columns.rows, table), ...of(constraints.rows, table)]
        .map((text) => `  ${text}`)
        .join(',\n'),
      ');',
      ...of(indexes.rows, table).map((text) => `${text};`),
      ...of(triggers.rows, table).map((text) => `${text};`),
    ].join('\n'),
  );
  const defined = functions.rows.map(({ text }) => `${text.trim()};`);
  return `${[HEAD, ...tables, ...defined].join('\n\n').replace(/[ \t]+$/gm, '')}\n`;
}
