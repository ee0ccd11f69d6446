import type { ComponentChildren } from 'preact';
import { Amount, type AmountView } from './amount.tsx';

/** A line of a statement: what · units × rate = amount. */
export interface StatementLineView {
  readonly what: ComponentChildren;
  /** `1.24 Gpx × 0.0004 ETH per Gpx`; left out where the amount stands by itself. */
  readonly working?: ComponentChildren;
  readonly amount: AmountView;
  /** Remainder and rounding, where they exist. */
  readonly rounding?: ComponentChildren;
  readonly href?: string;
  /** Its own address on the page. */
  readonly id?: string;
  /** What unfolds below it. */
  readonly below?: ComponentChildren;
}

/** Lines as a bank statement sets them, figures to the right, and what they come to. */
export function Statement({
  caption,
  lines,
  total,
}: {
  readonly caption: string;
  readonly lines: readonly StatementLineView[];
  readonly total?: { readonly label: string; readonly amount: AmountView };
}) {
  return (
    <table class="statement">
      <caption>{caption}</caption>
      <tbody>
        {lines.map((line, at) => (
          <tr key={at} id={line.id}>
            <th scope="row">
              {line.what}
              {line.working !== undefined && <span class="working">{line.working}</span>}
              {line.rounding !== undefined && <span class="working">{line.rounding}</span>}
              {line.below}
            </th>
            <td class="figures">
              <Amount of={line.amount} {...(line.href === undefined ? {} : { href: line.href })} />
            </td>
          </tr>
        ))}
      </tbody>
      {total && (
        <tfoot>
          <tr>
            <th scope="row">{total.label}</th>
            <td class="figures">
              <Amount of={total.amount} />
            </td>
          </tr>
        </tfoot>
      )}
    </table>
  );
}
