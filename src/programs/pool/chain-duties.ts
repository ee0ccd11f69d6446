import { randomInt, X509Certificate } from 'node:crypto';
import type { Address } from 'viem';
import { hex } from '../../base/bytes.ts';
import { type Instant, instant } from '../../base/clock.ts';
import { startDuties } from '../../duties/duties.ts';
import type { Duties } from '../../duties/parts.ts';
import type { Certificate } from '../../http/certificate.ts';
import type { OpenedChain } from './chain.ts';
import type { PoolBase } from './pool.ts';
import { answersAs } from './self-check.ts';
import type { PoolSettings } from './settings.ts';

/** A week is enough to renew a certificate by hand. */
const CERTIFICATE_MS_MIN = 7 * 24 * 3_600_000;

/** Starts what the orchestrator does on chain by itself, once gateways can reach it. */
export function startChainDuties(
  settings: PoolSettings,
  base: PoolBase,
  chain: OpenedChain,
  front: { readonly serviceUri: string; readonly certificate: Certificate },
): Duties {
  const { orchestrator, accounts, signing } = chain;
  const { withdrawFeesAbove: threshold } = settings;
  return startDuties({
    ...base,
    ...chain,
    node: `0x${hex(signing.address)}` as Address,
    transactions: {
      orchestrator: accounts.at(orchestrator),
      rewardCaller: accounts.of('reward_caller'),
      node: accounts.of('node'),
      payout: accounts.of('payout'),
    },
    rules: {
      reward: settings.reward,
      initializeRound: settings.initializeRound,
      initializeRoundDelayMsMax: settings.initializeRoundMaxDelay,
      withdrawFees:
        threshold === undefined
          ? undefined
          : { thresholdWei: threshold, recipient: settings.withdrawFeesTo ?? orchestrator },
      gasMoneyWeiMin: settings.minGasMoney,
      certificateMsMin: CERTIFICATE_MS_MIN,
    },
    serviceUri: front.serviceUri,
    answersAsUs: (serviceUri) =>
      answersAs({ serviceUri, address: signing.address, clock: base.clock }),
    certificateEndsAt: () => endOf(front.certificate),
    random: () => randomInt(2 ** 32) / 2 ** 32,
  });
}

function endOf(certificate: Certificate): Instant {
  const { cert } = certificate.current();
  return instant(new X509Certificate(cert).validToDate.getTime());
}
