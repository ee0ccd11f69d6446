import { join } from 'node:path';
import type { PayoutRoutesParts } from '../../api/payout-routes.ts';
import type { Database } from '../../database/database.ts';
import { finalAnchors } from '../../epochs/anchors.ts';
import { type Epochs, startEpochs } from '../../epochs/epochs.ts';
import { finalPayouts, newestFinal } from '../../epochs/published-payouts.ts';
import { workerLines } from '../../epochs/read-epochs.ts';
import { RECOVERY } from '../../epochs/recovery-files.ts';
import { createDisputes, type Disputes, watchDisputes } from '../../ledger/disputes.ts';
import { addressBytes } from '../../ledger/income.ts';
import type { Ledger, LedgerReceipts } from '../../ledger/ledger.ts';
import { rateOfTerms } from '../../ledger/receipts.ts';
import { type Income, startIncome } from '../../ledger/recognise.ts';
import { nodeHashing } from '../../proofs/node-hashing.ts';
import { createTermsService, type TermsService } from '../../terms/terms-service.ts';
import type { Presence } from '../../workers/presence.ts';
import type { Workers } from '../../workers/workers.ts';
import type { OpenedChain } from './chain.ts';
import type { PoolName } from './pay-name.ts';
import { openPoolPayouts } from './pay-payouts.ts';
import type { PoolBase } from './pool.ts';
import type { PoolSettings } from './settings.ts';

/** Where published proofs are, in the data directory. */
const PROOFS = 'proofs';

/** What a pool pays by. */
export interface Pay {
  readonly epochs: Epochs;
  readonly payouts: Omit<PayoutRoutesParts, 'terms'>;
  readonly disputes: Disputes;
  /** Where published proofs are. */
  readonly proofsDir: string;
}

/** The terms of a pool, signed in its name, which is known only once its chain is open. */
export function openTerms(
  { clock }: PoolBase,
  database: Database,
  name: () => PoolName,
): TermsService {
  return createTermsService({
    database,
    hashing: nodeHashing,
    clock,
    sign: (statement) => name().sign(statement),
  });
}

/** What receipts say of amounts, by the terms of their epoch. */
export function rateBy(terms: TermsService): NonNullable<LedgerReceipts['rateOf']> {
  return async (version) => rateOfTerms(await terms.of(version));
}

/** Starts income, epochs and payouts. What was started is closed by `started`. */
export async function openPay(
  settings: PoolSettings,
  base: PoolBase,
  parts: {
    readonly database: Database;
    readonly workers: Workers;
    readonly ledger: Ledger;
    readonly presence: Presence;
    readonly terms: TermsService;
    readonly chain: OpenedChain | undefined;
    readonly name: PoolName;
  },
  started: AsyncDisposableStack,
): Promise<Pay> {
  const { database, workers, ledger, presence, terms, chain, name } = parts;
  const { clock, log } = base;
  const dir = join(settings.dataDir, PROOFS);
  const income = chain && incomeOf(base, database, terms, chain);
  if (income) started.defer(() => income.close());

  const epochs = startEpochs({
    database,
    clock,
    log,
    terms,
    dir,
    recoveryDir: join(settings.dataDir, RECOVERY),
    hashing: nodeHashing,
    recognise: async () => income?.recognise(),
    measure: () => presence.flush(),
    round: () => chain?.watch.current()?.currentRound,
    identity: name.identity,
    account: name.account,
    endorse: name.endorse,
    sign: (...args) => ledger.keys.sign(...args),
    keys: () => ledger.keys.all(),
    async workers() {
      return (await workers.list()).map(({ id, name: called, payoutAddress }) => ({
        worker: id,
        name: called,
        ...(payoutAddress ? { address: payoutAddress.toLowerCase() } : {}),
      }));
    },
    payouts: finalPayouts(database),
    newestPayout: () => newestFinal(database),
    ...(chain && settings.anchor ? { anchor: chain.anchor } : {}),
    ...(chain ? { anchors: () => finalAnchors(database) } : {}),
  });
  started.defer(() => epochs.close());
  const payouts = await openPoolPayouts(
    settings,
    base,
    { ...parts, chain: chain?.paying },
    started,
  );
  const statement = workerLines;
  const disputes = createDisputes({ database, clock, hashing: nodeHashing, terms, statement });
  const watch = watchDisputes(disputes, base);
  started.defer(() => watch.close());
  return { epochs, payouts, disputes, proofsDir: dir };
}

function incomeOf(
  { clock, log }: PoolBase,
  database: Database,
  terms: TermsService,
  chain: OpenedChain,
): Income {
  return startIncome({
    database,
    clock,
    log,
    policyOf: async (version) => (await terms.of(version)).income.recognised,
    treasury: chain.paying.treasury.map(addressBytes),
    bondingManager: addressBytes(chain.contracts.bondingManager),
    rewardOf: chain.rewardOf,
    lptMoved: chain.lptMoved,
  });
}
