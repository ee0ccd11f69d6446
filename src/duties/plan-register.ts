import { isAddressEqual } from 'viem';
import { PPM, showPercent } from '../base/amounts.ts';
import type { ChainAction } from './action-types.ts';
import { bondCalls, payable, placeText } from './plan-stake.ts';
import {
  bondingCall,
  bondingOpen,
  type Call,
  type Draft,
  drafted,
  GAS,
  lpt,
  type Refused,
  refuse,
  rewardFirst,
} from './plan-types.ts';
import { withStake } from './pool-position.ts';
import type { Standing } from './standing.ts';

type Of<Do extends ChainAction['do']> = Extract<ChainAction, { do: Do }>;

/** A registry entry costs gas by its length, and no address of a host is longer. */
const URI_LENGTH_MAX = 300;

/**
 * Everything that makes an orchestrator of the account, without what is done already: repeated after
 * an interruption it goes on where it was.
 */
export function planRegister(action: Of<'register'>, standing: Standing): Draft {
  const { bond, rewardCut, feeShare, serviceUri } = action;
  const shut = bondingOpen(standing) ?? badCuts(rewardCut, feeShare) ?? badUri(serviceUri);
  if (shut) return shut;
  if (bond <= 0n) return refuse('chain_amount_wrong', 'Bond more than nothing.');
  const own = standing.ownStake;
  const missing = bond > own ? bond - own : 0n;
  if (missing > 0n) {
    const short = payable(missing, standing);
    if (short) return short;
  }
  const elsewhere = own > 0n && !isAddressEqual(standing.delegate, standing.orchestrator);
  const bonds = missing > 0n || elsewhere ? bondCalls(missing, standing) : [];
  const cutsDiffer = rewardCut !== standing.rewardCut || feeShare !== standing.feeShare;
  const stake = standing.totalStake + missing + (elsewhere ? own : 0n);
  if (cutsDiffer) {
    const refused = cutsOpen(standing);
    if (refused) return refused;
  }
  const calls = [
    ...bonds,
    ...(cutsDiffer ? [cutsCall(rewardCut, feeShare, standing, stake)] : []),
    ...(serviceUri === standing.serviceUri ? [] : [uriCall(serviceUri)]),
  ];
  if (calls.length === 0) {
    return refuse('chain_nothing_to_do', 'The orchestrator is registered just so already.');
  }
  return drafted(calls, {
    movesLpt: missing,
    effects: [
      `${lpt(own + missing)} of your own are bonded, ${lpt(stake)} in all.`,
      placeText(standing, stake),
      cutsText(rewardCut, feeShare),
      `Gateways find you at ${serviceUri}.`,
    ],
    warnings: [
      `To get bonded LPT back takes ${standing.unbondingPeriod} rounds.`,
      ...(bonds.length > 0 ? rewardFirst(standing) : []),
      ...outside(standing, stake),
    ],
  });
}

/** protocol: BondingManager.transcoderWithHint. */
export function planSetCuts({ rewardCut, feeShare }: Of<'set-cuts'>, standing: Standing): Draft {
  const shut = bondingOpen(standing) ?? badCuts(rewardCut, feeShare) ?? cutsOpen(standing);
  if (shut) return shut;
  if (!standing.registered) {
    return refuse('chain_not_registered', 'This account is not an orchestrator yet.');
  }
  if (rewardCut === standing.rewardCut && feeShare === standing.feeShare) {
    return refuse('chain_nothing_to_do', 'Both cuts are just so already.');
  }
  return drafted([cutsCall(rewardCut, feeShare, standing, standing.totalStake)], {
    effects: [
      cutsText(rewardCut, feeShare),
      `Until now: ${showPercent(standing.rewardCut)} and ${showPercent(standing.feeShare)}.`,
    ],
    warnings: ['Your delegators see the change and may move their stake.'],
  });
}

/** protocol: ServiceRegistry.setServiceURI; works in every round, paused or not. */
export function planSetServiceUri(
  { serviceUri }: Of<'set-service-uri'>,
  standing: Standing,
): Draft {
  const refused = badUri(serviceUri);
  if (refused) return refused;
  if (serviceUri === standing.serviceUri) {
    return refuse('chain_nothing_to_do', 'The registry says so already.');
  }
  const before = standing.serviceUri === '' ? 'none' : standing.serviceUri;
  return drafted([uriCall(serviceUri)], {
    effects: [`Gateways find you at ${serviceUri}; until now: ${before}.`],
    warnings: standing.registered
      ? []
      : ['Gateways look up active orchestrators only, and this account is not registered.'],
  });
}

/** An https origin that gateways can call. wire: go-livepeer server/handlers.go: setServiceURI. */
export function isServiceUri(text: string): boolean {
  if (text.length > URI_LENGTH_MAX || !URL.canParse(text)) return false;
  const { protocol, origin, hostname } = new URL(text);
  return protocol === 'https:' && hostname !== '' && text === origin;
}

function badUri(text: string): Refused | undefined {
  if (isServiceUri(text)) return undefined;
  return refuse(
    'chain_service_uri_invalid',
    'The service URI must be https, a host and a port, and nothing behind it.',
  );
}

function badCuts(rewardCut: bigint, feeShare: bigint): Refused | undefined {
  if ([rewardCut, feeShare].every((share) => share >= 0n && share <= PPM)) return undefined;
  return refuse('chain_amount_wrong', 'A cut is a share from 0 to 100 %.');
}

function cutsOpen(standing: Standing): Refused | undefined {
  if (standing.roundLocked) {
    const text = `Round ${standing.round} is in its last part, in which no orchestrator changes its cuts.`;
    return refuse('chain_round_locked', text);
  }
  if (!standing.active || standing.lastRewardRound >= standing.round) return undefined;
  return refuse(
    'chain_reward_first',
    `An active orchestrator changes its cuts only after the reward call of round ${standing.round}.`,
  );
}

function cutsCall(rewardCut: bigint, feeShare: bigint, standing: Standing, stake: bigint): Call {
  const { hint } = withStake(standing.pool, standing.orchestrator, stake);
  const title = `Keep ${showPercent(rewardCut)} of rewards, give ${showPercent(feeShare)} of fees to delegators`;
  return bondingCall(title, 'transcoderWithHint', [rewardCut, feeShare, ...hint], GAS.transcoder);
}

function uriCall(serviceUri: string): Call {
  return {
    contract: 'serviceRegistry',
    title: `Register ${serviceUri} as the address for gateways`,
    method: 'setServiceURI',
    args: [serviceUri],
    value: 0n,
    from: 'orchestrator',
    gas: GAS.setServiceUri,
  };
}

function cutsText(rewardCut: bigint, feeShare: bigint): string {
  return `You keep ${showPercent(rewardCut)} of rewards before delegators share the rest, and delegators get ${showPercent(feeShare)} of fees.`;
}

function outside(standing: Standing, stake: bigint): readonly string[] {
  const { place } = withStake(standing.pool, standing.orchestrator, stake);
  return place === undefined
    ? ['With this stake you are registered but not active, and no gateway sends work.']
    : [];
}
