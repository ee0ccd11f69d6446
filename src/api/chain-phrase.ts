import { exactAsset, showPercent } from '../base/amounts.ts';
import type { ChainAction } from '../duties/action-types.ts';

/** What an operator types before an action is sent: what it changes, with its figures. */
export function actionPhrase(action: ChainAction): string {
  switch (action.do) {
    case 'register':
      return `register with ${lpt(action.bond)}`;
    case 'set-service-uri':
      return `set ${action.serviceUri}`;
    case 'bond':
      return `bond ${lpt(action.amount)}`;
    case 'unbond':
      return action.amount === 'all' ? 'unbond all' : `unbond ${lpt(action.amount)}`;
    case 'rebond':
      return `rebond lock ${action.lock}`;
    case 'withdraw-stake':
      return `withdraw lock ${action.lock}`;
    case 'set-cuts':
      return `keep ${showPercent(action.rewardCut)} and give ${showPercent(action.feeShare)}`;
    case 'reward':
      return 'call reward';
    case 'set-reward-caller':
      return action.caller === 'none' ? 'set no reward caller' : `let ${action.caller} call reward`;
    case 'init-round':
      return 'initialise the round';
    case 'withdraw-fees':
      return action.amount === 'all'
        ? 'withdraw all fees'
        : `withdraw ${exactAsset(action.amount, 'ETH', DECIMALS)}`;
    case 'vote':
      return `vote ${action.support} on ${shortId(action.proposal)}`;
    case 'vote-poll':
      return `vote ${action.choice}`;
    case 'transfer':
      return `send ${exactAsset(action.amount, action.asset, DECIMALS)}`;
  }
}

/** ETH and LPT both have 18 decimals. */
const DECIMALS = 18;

function lpt(amount: bigint): string {
  return exactAsset(amount, 'LPT', DECIMALS);
}

/** The first digits of the number of a proposal, which has up to 78: nobody types those. */
function shortId(proposal: bigint): string {
  return String(proposal).slice(0, 6);
}
