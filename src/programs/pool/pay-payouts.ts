import type { PayoutRoutesParts } from '../../api/payout-routes.ts';
import { TributaryError } from '../../base/errors.ts';
import type { Database } from '../../database/database.ts';
import { correctBooks } from '../../payouts/correct.ts';
import { defaultPayoutRules, openPayouts } from '../../payouts/payouts.ts';
import { reconcile } from '../../payouts/reconcile.ts';
import { readSolvency, readTickets } from '../../payouts/solvency.ts';
import { watchBooks } from '../../payouts/watch.ts';
import { toHex } from '../../proofs/bytes.ts';
import type { Terms } from '../../terms/terms.ts';
import type { TermsService } from '../../terms/terms-service.ts';
import type { ChainPaying } from './chain-paying.ts';
import type { PoolName } from './pay-name.ts';
import { approvalLimits } from './pay-settings.ts';
import type { PoolBase } from './pool.ts';
import type { PoolSettings } from './settings.ts';

/** Starts payouts, on chain where there is an account for them. What was started is closed by `started`. */
export async function openPoolPayouts(
  settings: PoolSettings,
  { clock, log, metrics }: PoolBase,
  parts: {
    readonly database: Database;
    readonly terms: TermsService;
    readonly name: PoolName;
    /** Undefined off chain. */
    readonly chain: ChainPaying | undefined;
  },
  started: AsyncDisposableStack,
): Promise<Omit<PayoutRoutesParts, 'terms'>> {
  const { database, chain, name } = parts;
  const { pool, chainId } = name.identity;
  const terms = async (): Promise<Terms> => {
    const known = await parts.terms.of((await parts.terms.list()).current);
    return chain ? { ...known, assets: tokensIn(known.assets, chain.protocolToken) } : known;
  };
  const payouts = openPayouts({
    ...{ database, terms, clock, log },
    chain: chain?.chain,
    pool: {
      address: `0x${toHex(pool)}`,
      chainId: Number(chainId),
      name: (await terms()).name,
    },
    ownAddresses: chain?.ownAddresses ?? [],
    rules: {
      ...defaultPayoutRules,
      automatic: settings.automaticPayouts,
      approveAbove: approvalLimits(settings.approvePayoutsAbove),
      keepWei: settings.payoutGasMoney,
    },
  });
  started.defer(() => payouts.close());
  const books = {
    ...{ database, terms },
    chain: chain?.chain,
    treasury: chain?.treasury ?? [],
    ...(chain ? { fees: chain.fees, stake: chain.stake } : {}),
  };
  const watch = watchBooks({ ...books, clock, log, metrics });
  started.defer(() => watch.close());
  await watch.begin();
  return {
    payouts,
    watch,
    correct: (correction) => correctBooks(books, correction, clock.now()),
    solvency: async () => ({
      assets: await readSolvency(database, (await terms()).assets),
      tickets: await readTickets(database),
    }),
    async reconcile() {
      const waits = await watch.begin();
      const { notCompared, ...found } = await reconcile(books);
      return { ...found, notCompared: [...notCompared, ...waits] };
    },
    async deployDisperse() {
      if (chain) return chain.deployDisperse();
      throw new TributaryError('chain_off', 'This pool works off chain.');
    },
    async funded(transaction) {
      if (!chain) throw new TributaryError('chain_off', 'This pool works off chain.');
      const deposits = await chain.deposits(transaction, async () => (await terms()).assets);
      // Off chain nothing of payouts on chain is loaded.
      const { bookDeposits } = await import('../../payouts/funding.ts');
      const added = await bookDeposits(database, transaction, deposits, clock.now());
      for (const { asset } of added) log.info('treasury_funded', { name: asset });
      return { deposits, added };
    },
  };
}

/** LPT is where the Controller of this chain says; for payouts it is a token like any other. */
function tokensIn(assets: Terms['assets'], protocolToken: string): Terms['assets'] {
  const entries = Object.entries(assets).map(([asset, kind]) =>
    kind.kind === 'protocol'
      ? [asset, { kind: 'erc20', address: protocolToken, decimals: kind.decimals }]
      : [asset, kind],
  );
  return Object.fromEntries(entries) as Terms['assets'];
}
