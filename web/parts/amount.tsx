import { exactAsset, showAsset } from '../../src/base/amounts.ts';

/** An amount as the API says it: base units as decimal text. */
export interface AmountView {
  readonly asset: string;
  readonly amount: string;
  readonly decimals: number;
}

/**
 * Four significant digits and the unit; every digit on hover and focus, and copied with a click or
 * tap. With `href` it links to the lines that it is the sum of; where nothing hovers, a small button
 * beside the link has the digits.
 */
export function Amount({ of, href }: { readonly of: AmountView; readonly href?: string }) {
  const amount = BigInt(of.amount);
  // A true minus sign is as wide as a digit.
  const shown = showAsset(amount, of.asset, of.decimals).replace('-less', 'less').replace('-', '−');
  const exact = exactAsset(amount, of.asset, of.decimals);
  const isWhole = exact.replace('-', '−') === shown;
  if (href !== undefined && isWhole) {
    return (
      <a class="amount" href={href}>
        {shown}
      </a>
    );
  }
  if (href !== undefined) {
    return (
      <span class="nowrap">
        <a class="amount" href={href} data-exact={exact}>
          {shown}
          <span class="visually-hidden">, exactly {exact}</span>
        </a>
        <button type="button" class="amount digits" data-exact={exact} data-copy={exact}>
          <span aria-hidden="true">…</span>
          <span class="visually-hidden">copy {exact}</span>
        </button>
      </span>
    );
  }
  if (isWhole) return <data value={exact}>{shown}</data>;
  return (
    <button type="button" class="amount" data-exact={exact} data-copy={exact}>
      {shown}
      <span class="visually-hidden">, exactly {exact}</span>
    </button>
  );
}

/** Several assets of one sum: `1.2 ETH and 4 LPT`; in words when there is nothing. */
export function Amounts({
  of,
  none = 'nothing',
  href,
}: {
  readonly of: readonly AmountView[];
  readonly none?: string;
  readonly href?: string;
}) {
  const some = of.filter(({ amount }) => amount !== '0');
  if (some.length === 0) return <span class="muted">{none}</span>;
  return (
    <>
      {some.map((one, at) => (
        <span key={one.asset}>
          {at === 0 ? '' : at === some.length - 1 ? ' and ' : ', '}
          <Amount of={one} {...(href === undefined ? {} : { href })} />
        </span>
      ))}
    </>
  );
}
