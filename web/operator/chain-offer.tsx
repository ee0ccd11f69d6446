import { Island } from '../parts/island.tsx';
import type { ChainOffer } from './chain-offers.ts';

/** Something to do on chain, folded away: fields, what they would do and cost, a phrase to type. */
export function Offer({ of, open = false }: { readonly of: ChainOffer; readonly open?: boolean }) {
  return (
    <details class="danger" open={open}>
      <summary>{of.title}</summary>
      <Island name="operator-chain" props={{ offer: of }}>
        <p class="empty">
          This takes JavaScript; or run <code>tributary chain {of.command}</code>.
        </p>
      </Island>
    </details>
  );
}
