import type { ComponentChildren } from 'preact';
import { Scroll } from './scroll.tsx';

/** A column: figures stand to the right, so that their digits do. */
export interface Column<Row> {
  readonly title: string;
  readonly figures?: boolean;
  readonly cell: (row: Row) => ComponentChildren;
  /** The same page sorted by this column. */
  readonly href?: string;
  /** It is sorted by this column. */
  readonly sorted?: 'ascending' | 'descending';
}

/**
 * A table with its caption, where to get it as CSV, and where it goes on. Wide ones scroll within
 * themselves, reached by the keyboard as well.
 */
export function Table<Row>({
  caption,
  columns,
  rows,
  keyOf,
  csv,
  next,
  empty,
}: {
  /** What the rows are: read out before them. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** The address of a page of it, with `format=csv`: the link brings every row. */
  readonly csv?: string | undefined;
  /** The page with the following rows. */
  readonly next?: string | undefined;
  /** Shown when there are no rows. */
  readonly empty: ComponentChildren;
}) {
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  return (
    <div class="table">
      <Scroll label={caption}>
        <table>
          <caption class="visually-hidden">{caption}</caption>
          <thead>
            <tr>
              {columns.map(({ title, figures, href, sorted }) => (
                <th
                  key={title}
                  scope="col"
                  class={figures ? 'figures' : undefined}
                  aria-sort={sorted}
                >
                  {href === undefined ? title : <a href={href}>{title}</a>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={keyOf(row)}>
                {columns.map(({ title, figures, cell }) => (
                  <td key={title} class={figures ? 'figures' : undefined} data-title={title}>
                    <div>{cell(row)}</div>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {(csv !== undefined || next !== undefined) && (
        <p class="table-foot">
          {next !== undefined && <a href={next}>Older</a>}
          {csv !== undefined && <a href={`${csv}&rows=all`}>Download as CSV</a>}
        </p>
      )}
    </div>
  );
}
