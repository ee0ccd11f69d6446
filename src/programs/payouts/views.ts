import { z } from 'zod';
import { decode } from '../../api/admin-client.ts';
import { exactAsset, showEth } from '../../base/amounts.ts';
import { harmless } from '../../base/terminal.ts';

const units = z.string().regex(/^-?\d+$/);
const decimals = z.record(z.string(), z.int());

/** All digits of an amount, by the decimals of its asset; base units where nobody says how many. */
function amounts(known: Readonly<Record<string, number>>) {
  return (amount: string, asset: string) => exactAsset(BigInt(amount), asset, known[asset] ?? 0);
}

const quote = z.object({
  numerator: units,
  denominator: units,
  source: z.string(),
  at: z.number(),
});
const plan = z.object({
  digest: z.string(),
  approvalsNeeded: z.number(),
  decimals,
  plan: z.object({
    termsVersion: z.number(),
    batches: z.array(
      z.object({
        method: z.string(),
        asset: z.string(),
        feeWei: units,
        shares: z.array(
          z.object({
            name: z.string(),
            to: z.string().optional(),
            fiatAccount: z.string().optional(),
            amount: units,
            lines: z.array(z.object({ asset: z.string(), amount: units, quote: quote.optional() })),
          }),
        ),
      }),
    ),
    held: z.array(
      z.object({
        name: z.string(),
        asset: z.string(),
        amount: units,
        reason: z.string(),
        detail: z.string().optional(),
      }),
    ),
  }),
});

/** How a batch goes out. */
const METHODS: Readonly<Record<string, string>> = {
  eth: 'by a transaction',
  erc20: 'by a transaction',
  disperse_eth: 'together in one transaction',
  disperse_erc20: 'together in one transaction',
  fiat: 'by a file for the bank',
};

/** What each reason means, and what would have to be otherwise. */
const HOLDS: Readonly<Record<string, string>> = {
  not_due: 'not due yet: the terms pay every',
  not_asked: 'did not ask',
  on_demand_off: 'the terms pay nothing on demand',
  paused: 'payouts wait:',
  got_too_much: 'the worker got more than it was owed, of',
  points_stay: 'points stay in the books',
  asset_not_paid: 'the terms pay nothing in this asset',
  no_conversion: 'the terms have no exchange into what the worker chose',
  rate_unavailable: 'no rate:',
  rate_old: 'the rate is too old:',
  too_little_to_convert: 'too little to be exchanged',
  no_address: 'the worker has no address',
  no_fiat_account: 'the worker has no account at a bank',
  zero_address: 'from the zero address nothing comes back',
  own_address: 'the address is the pool itself',
  below_threshold: 'below the threshold of',
  fee_too_high: 'the fee would be',
  rejected_by_recipient: 'the recipient rejects it',
  refused_by_token: 'the token refuses this account',
  token_returned_false: 'the token answers false',
  funds_short: 'the paying account has too little:',
  chain_away: 'there is no account on chain that pays, or no node answers',
};

/** What a reason's detail says in words; amounts of thresholds and fees with their asset. */
function detailOf(
  { reason, detail }: { readonly reason: string; readonly detail?: string | undefined },
  shown: (amount: string, asset: string) => string,
): string | undefined {
  if (detail === undefined) return undefined;
  if (reason === 'paused') return PAUSES[detail] ?? detail;
  const [, amount, asset] = /^(\d+) ([A-Z][A-Z0-9]*|wei)$/.exec(detail) ?? [];
  if (amount === undefined || asset === undefined) return detail;
  return asset === 'wei' ? showEth(BigInt(amount)) : shown(amount, asset);
}

/** Why payouts wait, as plans and the status name it. */
const PAUSES: Readonly<Record<string, string>> = {
  operator: 'an operator paused them',
  token_takes_fee: 'the token keeps a part of what is sent',
  token_tells_nothing: 'the token does not say what it moved',
  insolvent: 'the pool has less than it owes',
};

/** What would go out, to whom, by which rate; then what is held back, and why. */
export function planView(value: unknown): string {
  const { digest, approvalsNeeded, plan: shown, decimals: known } = decode(plan, value);
  const amountOf = amounts(known);
  const lines: string[] = [];
  for (const batch of shown.batches) {
    const fee = batch.feeWei === '0' ? '' : `, about ${showEth(BigInt(batch.feeWei))} of gas`;
    const count = batch.shares.length;
    const what = `${count} ${count === 1 ? 'payout' : 'payouts'} in ${batch.asset}`;
    lines.push(`${what} ${METHODS[batch.method] ?? `by ${batch.method}`}${fee}`);
    for (const share of batch.shares) {
      const where = share.to ?? share.fiatAccount ?? '';
      lines.push(
        `  ${harmless(share.name)}  ${amountOf(share.amount, batch.asset)}  ${harmless(where)}`,
      );
      for (const { asset, amount, quote: rate } of share.lines) {
        if (!rate) continue;
        const time = new Date(rate.at).toISOString();
        lines.push(`    for ${amountOf(amount, asset)} at ${rate.numerator}/${rate.denominator}`);
        lines.push(`    by ${harmless(rate.source)}, ${time}`);
      }
    }
  }
  if (lines.length === 0) lines.push('Nothing goes out now.');
  if (shown.held.length > 0) lines.push('', 'Held back:');
  for (const { name, asset, amount, reason, detail } of shown.held) {
    const more = detailOf({ reason, detail }, amountOf);
    const why = [HOLDS[reason] ?? reason, more].filter((part) => part !== undefined).join(' ');
    lines.push(`  ${harmless(name)}  ${amountOf(amount, asset)}: ${harmless(why)}`);
  }
  if (shown.batches.length === 0) return lines.join('\n');
  const by = shown.termsVersion === 0 ? 'the default ones' : `version ${shown.termsVersion}`;
  const isExchange = shown.batches.some(({ shares }) =>
    shares.some((share) => share.lines.some(({ quote: rate }) => rate)),
  );
  lines.push('', `Terms: ${by}.${isExchange ? ' Rates are base units for base units.' : ''}`);
  if (approvalsNeeded > 0) lines.push(`${approvalsNeeded} people must approve it first.`);
  lines.push(
    'Nothing was sent. This plan, and nothing else, is paid by',
    `  tributary payouts run ${digest}`,
  );
  return lines.join('\n');
}

const payout = z.object({
  id: z.string(),
  worker: z.string(),
  asset: z.string(),
  amount: units,
  state: z.string(),
  reason: z.string().optional(),
  received: units.optional(),
  reference: z.string().optional(),
});

const status = z.object({
  open: z.array(z.object({ id: z.string(), method: z.string(), asset: z.string() })),
  newest: z.array(payout),
  inDoubt: z.object({ count: z.number(), oldest: z.array(payout) }),
  pauses: z.array(z.object({ asset: z.string().optional(), reason: z.string() })),
  addressChanges: z.array(
    z.object({ worker: z.string(), newAddress: z.string(), effectiveAt: z.number() }),
  ),
  assets: z.array(
    z.object({
      asset: z.string(),
      onHand: units,
      owed: units,
      heldBack: units,
      inFlight: units,
      ratioBasisPoints: units.optional(),
      solvent: z.boolean(),
    }),
  ),
  tickets: z.object({ earned: units, won: units, redeemed: units, writtenOff: units }),
  decimals,
});

/** Payouts and what stands behind them; `nameOf` says what people call a worker. */
export function statusView(value: unknown, nameOf: (worker: string) => string): string {
  const found = decode(status, value);
  const { open, newest, inDoubt, pauses, addressChanges, assets, tickets } = found;
  const shown = amounts(found.decimals);
  const lineOf = (one: z.output<typeof payout>) => {
    const why = one.reason === undefined ? '' : `: ${one.reason}`;
    const short =
      one.received !== undefined && one.received !== one.amount
        ? `, ${shown(one.received, one.asset)} arrived`
        : '';
    const at = one.reference ? `  ${harmless(one.reference)}` : '';
    return `${one.id}  ${nameOf(one.worker)}  ${shown(one.amount, one.asset)}  ${one.state}${why}${short}${at}`;
  };
  const lines = newest.map(lineOf);
  if (lines.length === 0) lines.push('Nothing was paid yet.');
  lines.push('', `${open.length} ${open.length === 1 ? 'batch' : 'batches'} on the way.`);
  if (inDoubt.count > 0) {
    const { count, oldest } = inDoubt;
    const of = count === 1 ? '1 payout' : `${count} payouts`;
    lines.push(
      `Of ${of} the chain does not show whether it moved; say so with \`payouts resolve\`:`,
    );
    lines.push(...oldest.map((one) => `  ${lineOf(one)}`));
  }
  for (const { asset, reason } of pauses) {
    // Said below, with the figures.
    if (reason === 'insolvent') continue;
    const what = asset === undefined ? 'All payouts' : `Payouts in ${asset}`;
    lines.push(`${what} wait: ${PAUSES[reason] ?? reason}.`);
  }
  for (const { worker, newAddress, effectiveAt } of addressChanges) {
    const when = new Date(effectiveAt).toISOString();
    lines.push(`${nameOf(worker)} is to be paid at ${newAddress} from ${when} on.`);
  }
  const wei = (amount: string) => shown(amount, 'ETH');
  lines.push('', `Tickets: ${wei(tickets.earned)} earned by expected value`);
  lines.push(`  ${wei(tickets.won)} won, ${wei(tickets.redeemed)} redeemed`);
  if (tickets.writtenOff !== '0') lines.push(`  ${wei(tickets.writtenOff)} written off`);
  for (const { asset, onHand, owed, heldBack, inFlight, ratioBasisPoints, solvent } of assets) {
    const ratio = ratioBasisPoints === undefined ? '' : `, ratio ${basisPoints(ratioBasisPoints)}`;
    const of = (amount: string) => shown(amount, asset).replace(/ \S+$/, '');
    lines.push(
      `${asset}: ${of(onHand)} on hand; ${of(owed)} owed, ${of(heldBack)} held back, ${of(inFlight)} in flight${ratio}`,
    );
    if (!solvent) lines.push(`  Payouts in ${asset} wait: the pool has less than it owes.`);
  }
  return lines.join('\n');
}

function basisPoints(value: string): string {
  const digits = value.padStart(5, '0');
  return `${digits.slice(0, -4)}.${digits.slice(-4)}`;
}

const reconciliation = z.object({
  differences: z.array(
    z.object({ what: z.string(), text: z.string(), lines: z.array(z.string()) }),
  ),
  notCompared: z.array(z.string()),
  before: z.array(z.string()),
});

/** Differences with the lines that cause them. */
export function reconciliationView(value: unknown): string {
  const { differences, notCompared, before } = decode(reconciliation, value);
  const lines = differences.flatMap((one) => [
    `${one.what}: ${harmless(one.text)}`,
    ...one.lines.map((line) => `  ${harmless(line)}`),
  ]);
  const chain = notCompared.length === 0 ? 'chain, ' : '';
  if (lines.length === 0) lines.push(`Ledger, ${chain}receipts and payouts agree.`);
  lines.push(...notCompared.map((text) => `Not compared. ${harmless(text)}`));
  lines.push(...before.map((text) => `Set apart. ${harmless(text)}.`));
  return lines.join('\n');
}

const deposit = z.object({ asset: z.string(), amount: units });
const funded = z.object({ deposits: z.array(deposit), added: z.array(deposit), decimals });

/** What a transaction brought, and whether it was booked before. */
export function fundedView(value: unknown): string {
  const { deposits, added, decimals: known } = decode(funded, value);
  const shown = amounts(known);
  const booked = new Set(added.map(({ asset }) => asset));
  return deposits
    .map(({ asset, amount }) =>
      booked.has(asset)
        ? `${shown(amount, asset)} booked.`
        : `${shown(amount, asset)} was booked before.`,
    )
    .join('\n');
}
