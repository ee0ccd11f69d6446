/** Why something is not paid now, and what would have to be otherwise; `detail` goes on behind it. */
export const holdTexts: Readonly<Record<string, string>> = {
  not_due: 'not due yet: the terms pay every',
  not_asked: 'did not ask',
  on_demand_off: 'the terms pay nothing on demand',
  paused: 'payouts are paused:',
  got_too_much: 'it got more than it was owed, of',
  points_stay: 'points stay in the books',
  asset_not_paid: 'the terms pay nothing in this asset',
  no_conversion: 'the terms have no exchange into what it chose',
  rate_unavailable: 'no rate:',
  rate_old: 'the rate is too old:',
  too_little_to_convert: 'too little to be exchanged',
  no_address: 'it has no payout address yet',
  no_fiat_account: 'it has no account at a bank',
  zero_address: 'its address is the zero address, from which nothing comes back',
  own_address: 'its address is the pool itself',
  below_threshold: 'below the threshold of',
  fee_too_high: 'the fee would be too high:',
  rejected_by_recipient: 'the recipient rejects it',
  refused_by_token: 'the token refuses this account',
  token_returned_false: 'the token answers false',
  funds_short: 'the paying account has too little:',
  chain_away: 'no node answers, or no account pays',
};

/** States of payouts in words. */
export const payoutStates: Readonly<Record<string, string>> = {
  owed: 'owed',
  reserved: 'waits to be signed',
  signed: 'signed',
  broadcast: 'on its way',
  included: 'in a block, not final yet',
  final: 'paid',
  failed: 'failed, owed again',
  unproven: 'not shown by the chain',
  returned: 'came back',
};

/** How a payout leaves. */
export const methodTexts: Readonly<Record<string, string>> = {
  eth: 'by itself',
  erc20: 'by itself',
  disperse_eth: 'in a batch',
  disperse_erc20: 'in a batch',
  fiat: 'by bank',
};
