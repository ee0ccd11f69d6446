import { exactAmount } from '../../base/amounts.ts';
import type { Clock } from '../../base/clock.ts';
import { TributaryError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { createMetrics } from '../../base/metrics.ts';
import { type Wei, wei } from '../../base/money.ts';
import { openKey, readPassword } from '../../chain/keystore.ts';
import type { Rational } from '../../payments/rational.ts';
import { stockSendLimits } from '../../payments/send-params.ts';
import { keySigner, offchainSigner, type Signer } from '../../protocol/signature.ts';
import type { Funding, GatewayChain } from './chain.ts';
import { type ChainValues, networkOf } from './chain-settings.ts';
import { createPayments, type Payments, type PaymentTotals } from './payments.ts';

/** Who the gateway is, and how it pays. */
export interface PayingParts {
  readonly signer: Signer;
  /** Undefined off-chain. */
  readonly payments: Payments | undefined;
  /** What was put into the TicketBroker at the start; undefined off-chain. */
  readonly funding: Funding | undefined;
  /** What was paid, and what the chain says is left; undefined off-chain. */
  report(): Promise<PaymentReport | undefined>;
  close(): Promise<void>;
}

/** What a run paid. Amounts in wei. */
export interface PaymentReport extends PaymentTotals {
  /** As of the last block seen. */
  readonly deposit: Wei;
  readonly reserve: Wei;
}

/** Off-chain: no account and no payments. */
const offchain: PayingParts = {
  signer: offchainSigner,
  payments: undefined,
  funding: undefined,
  report: async () => undefined,
  close: async () => {},
};

/**
 * Opens the key and the chain, puts missing money in, and pays from then on. Off-chain none of it,
 * and nothing of it is loaded.
 *
 * @throws TributaryError of the keystore, the password file, the providers and the funding
 */
export async function openPaying(
  values: ChainValues,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<PayingParts> {
  const network = networkOf(values);
  if (network === 'offchain') return offchain;
  const { ethUrl, keystore, passwordFile } = values;
  if (!ethUrl || !keystore || !passwordFile) {
    throw new TributaryError('setting_missing', 'Paying needs a chain, a key and its password.');
  }
  const password = await readPassword(passwordFile);
  const { key } = await openKey({ path: keystore, address: values.account, password });
  const { openGatewayChain } = await import('./chain.ts');
  let chain: GatewayChain | undefined;
  try {
    chain = await openGatewayChain({
      network,
      urls: ethUrl,
      controller: values.controller,
      key,
      clock,
      log,
      metrics: createMetrics(),
    });
    const funding = await chain.fund({
      deposit: values.deposit ?? wei(0n),
      reserve: values.reserve ?? wei(0n),
    });
    return paying(values, { clock, key, chain, funding });
  } catch (error) {
    await chain?.close();
    throw error;
  }
}

function paying(
  values: ChainValues,
  parts: {
    readonly clock: Clock;
    readonly key: Uint8Array;
    readonly chain: GatewayChain;
    readonly funding: Funding;
  },
): PayingParts {
  const { chain, key, clock, funding } = parts;
  const signer = keySigner(key);
  const { maxTicketEv, maxTotalEv, maxPrice } = values;
  const payments = createPayments({
    signer,
    clock,
    view: chain.view,
    rules: { maxPrice, limits: { ...stockSendLimits, maxTicketEv, maxTotalEv } },
  });
  return {
    signer,
    payments,
    funding,
    async report() {
      // A provider that is away at the end must not turn a run that went well into a failure.
      const { deposit, reserve } = await chain.look().catch(() => chain.view());
      return { ...payments.totals(), deposit, reserve };
    },
    async close() {
      payments.close();
      key.fill(0);
      await chain.close();
    },
  };
}

/** What was put in: `Put 0.1 ETH of deposit and 0.1 ETH of reserve into the TicketBroker (0x…).` */
export function fundingText({ deposit, reserve, before, transaction }: Funding): string {
  if (transaction === undefined) {
    const held = `${exactAmount(before.deposit)} ETH of deposit and ${exactAmount(before.reserve)} ETH of reserve`;
    const text = `The TicketBroker holds ${held} of this account.`;
    if (before.deposit > 0n && before.reserve > 0n) return text;
    return `${text} No orchestrator takes tickets without both: give --deposit and --reserve.`;
  }
  const put = `${exactAmount(deposit)} ETH of deposit and ${exactAmount(reserve)} ETH of reserve`;
  return `Put ${put} into the TicketBroker: transaction ${transaction}.`;
}

/** Whole wei, rounded down, for people and JSON. */
export function wholeWei({ numerator, denominator }: Rational): bigint {
  return numerator / denominator;
}
