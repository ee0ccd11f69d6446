import { type AssetId, isAssetId } from '../base/asset.ts';
import { instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Deposit } from '../payouts/funding.ts';
import type { Payouts } from '../payouts/payouts.ts';
import type { Reconciliation } from '../payouts/reconcile.ts';
import type { AssetFigures, TicketFigures } from '../payouts/solvency.ts';
import type { StoredBatch, StoredPayout } from '../payouts/store.ts';
import type { Route } from './admin.ts';

/** How many payouts a page of the status shows. */
const NEWEST = 200;

/** What the routes of payouts stand on. */
export interface PayoutRoutesParts {
  readonly payouts: Payouts;
  solvency(): Promise<{
    readonly assets: readonly AssetFigures[];
    readonly tickets: TicketFigures;
  }>;
  reconcile(): Promise<Reconciliation>;
  /**
   * Puts the batch contract on the chain; the name of the transaction in the journal, or undefined: it
   * is there. Throws `chain_off` off chain, `chain_key_missing`.
   */
  deployDisperse(): Promise<string | undefined>;
  /**
   * Books what a transaction from outside brought to the treasury, once. `added`: what was not booked
   * yet. Throws `chain_off` off chain, `funding_refused`, `rpc_unavailable`.
   */
  funded(transaction: string): Promise<{
    readonly deposits: readonly Deposit[];
    readonly added: readonly Deposit[];
  }>;
}

type Body = Readonly<Record<string, unknown>>;

/** `/api/v1/payouts`: what would go out, approving and running it, and how it stands. */
export function payoutRoutes(parts: PayoutRoutesParts): readonly Route[] {
  const { payouts } = parts;
  const get = (path: string, answer: Handler): Route => route('GET', path, answer);
  const post = (path: string, answer: Handler): Route => route('POST', path, answer);
  return [
    get('', async () => ({
      open: (await payouts.openBatches()).map(batchView),
      newest: (await payouts.payouts({ newest: NEWEST })).map(payoutView),
      pauses: await payouts.pauses(),
      addressChanges: await payouts.waitingChanges(),
      approvers: await payouts.approvers(),
      ...(await parts.solvency()),
    })),
    post('/preview', (body) => payouts.preview(demandIn(body))),
    post('/approve', (body) => payouts.approve(text(body, 'digest'), text(body, 'token'))),
    post('/run', (body) => payouts.run(text(body, 'digest'), optional(body, 'by') ?? 'operator')),
    get('/solvency', () => parts.solvency()),
    get('/reconcile', () => parts.reconcile()),
    post('/export', (body) => payouts.exportFile(body.again === true)),
    post('/import', (body) => payouts.importConfirmation(text(body, 'file'))),
    post('/resolve', (body) => payouts.resolve(text(body, 'payout'), body.moved === true)),
    post('/came-back', (body) => payouts.cameBack(text(body, 'payout'))),
    post('/pause', (body) => payouts.pause(assetIn(body))),
    post('/resume', (body) => payouts.resume(assetIn(body))),
    post('/rate', (body) => payouts.setRate(rateIn(body))),
    post('/deploy-disperse', async () => ({ transaction: await parts.deployDisperse() })),
    post('/funded', (body) => parts.funded(text(body, 'transaction'))),
    post('/approvers/add', (body) => payouts.addApprover(text(body, 'name'))),
    post('/approvers/remove', (body) => payouts.removeApprover(text(body, 'name'))),
    get('/workers/{worker}', (_, worker) => payouts.choicesOf(worker)),
    post('/workers/{worker}/choose', (body, worker) => payouts.choose(worker, choiceIn(body))),
    post('/workers/{worker}/address-text', (body, worker) =>
      payouts.addressText(worker, text(body, 'to')),
    ),
    post('/workers/{worker}/address', (body, worker) => {
      const to = text(body, 'to');
      if (body.oldSignature === undefined) return payouts.changeAddressAsOperator(worker, to);
      return payouts.changeAddress(worker, to, {
        expiresAt: instant(Number(body.expiresAt)),
        oldSignature: text(body, 'oldSignature'),
        newSignature: text(body, 'newSignature'),
      });
    }),
    post('/workers/{worker}/stop-address', (_, worker) => payouts.stopAddressChange(worker)),
  ];
}

type Handler = (body: Body, worker: string) => Promise<unknown>;

function route(method: Route['method'], path: string, answer: Handler): Route {
  return {
    method,
    path: `/api/v1/payouts${path}`,
    async handle({ params, body }) {
      const value = await answer(body, params.worker ?? '');
      return { status: 200, value: value ?? {} };
    },
  };
}

/** A batch as it is shown. */
export function batchView({ id, method, asset, digest, payouts }: StoredBatch) {
  return { id, method, asset, digest, payouts: payouts.map(payoutView) };
}

/** A payout as it is shown: its state's fields beside its own. */
export function payoutView({ state, ...payout }: StoredPayout) {
  return { ...payout, ...state };
}

function text(body: Body, key: string): string {
  const value = optional(body, key);
  if (value === undefined) throw new TributaryError('setting_invalid', `${key} is missing`);
  return value;
}

function optional(body: Body, key: string): string | undefined {
  const value = body[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new TributaryError('setting_invalid', `${key} must be text`);
  return value;
}

function demandIn(body: Body): Parameters<Payouts['preview']>[0] {
  const worker = optional(body, 'worker');
  if (worker !== undefined) return { worker };
  return body.demand === 'now' ? 'now' : 'schedule';
}

function asset(value: string): AssetId {
  if (isAssetId(value)) return value;
  throw new TributaryError('setting_invalid', 'asset must be the symbol of an asset');
}

function assetIn(body: Body): AssetId | undefined {
  const value = optional(body, 'asset');
  return value === undefined ? undefined : asset(value);
}

function units(body: Body, key: string): bigint {
  const value = text(body, key);
  if (/^\d{1,39}$/.test(value)) return BigInt(value);
  throw new TributaryError('setting_invalid', `${key} must be a decimal integer`);
}

function choiceIn(body: Body): Parameters<Payouts['choose']>[1] {
  const wanted = assetIn(body);
  const account = optional(body, 'fiatAccount');
  return {
    ...(wanted !== undefined && { asset: wanted }),
    ...(body.threshold !== undefined && { threshold: units(body, 'threshold') }),
    ...(account !== undefined && { fiatAccount: account }),
  };
}

function rateIn(body: Body): Parameters<Payouts['setRate']>[0] {
  const [numerator, denominator] = [units(body, 'numerator'), units(body, 'denominator')];
  const note = text(body, 'note');
  if (numerator === 0n || denominator === 0n || !/^[ -~]{1,160}$/.test(note)) {
    throw new TributaryError('payout_choice_refused', 'A rate is more than nothing, with a note.');
  }
  return {
    from: asset(text(body, 'from')),
    to: asset(text(body, 'to')),
    numerator,
    denominator,
    note,
  };
}
