import { type AssetId, isAssetId } from '../base/asset.ts';
import type { Clock, Instant, Timer } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { base32, type RandomBytes, secureRandom, type WorkerId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Database } from '../database/database.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { toHex } from '../proofs/bytes.ts';
import { canonicalJson } from '../proofs/canonical.ts';
import {
  type DisputeOutcome,
  type DisputeRecord,
  disputeAfter,
  disputeRecordHash,
  writeDisputeRecord,
} from '../proofs/dispute-log.ts';
import type { ProofHashing } from '../proofs/hashing.ts';
import type { StatementLine } from '../terms/settle-types.ts';
import type { Terms } from '../terms/terms.ts';
import {
  answerBy,
  type Dispute,
  type DisputeCase,
  type DisputeId,
  type DisputeSubject,
  decideBy,
  dueBy,
  endPosting,
  judge,
  openedCase,
  openUntil,
  type Sum,
  setAsidePosting,
  subjectName,
  takenBy,
} from './dispute.ts';
import { disputeNow } from './dispute-state.ts';
import { readDisputeText, readEvidence, readSubject } from './dispute-text.ts';
import {
  addDispute,
  addDisputeEvent,
  type DisputeFilter,
  disputeLogHead,
  lockDisputes,
  type StoredDispute,
  storedDisputes,
  storedSum,
} from './disputes-store.ts';
import { post } from './postings-store.ts';

/** Disputes of one worker that wait for the pool; somebody has to read them. */
const OPEN_MAX = 20;
/** Replies and answers to one dispute. */
const EVENTS_MAX = 40;
/** Deadlines are days. */
const LOOK_EVERY_MS = 60_000;

/** What an epoch says of one worker. */
export interface WorkerStatement {
  readonly closedAt: Instant;
  readonly termsVersion: number;
  readonly lines: readonly Pick<StatementLine, 'kind' | 'asset' | 'amount' | 'evidence'>[];
}

/** What the service stands on. */
export interface DisputesParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly hashing: ProofHashing;
  readonly terms: { of(version: number): Promise<Terms> };
  /** Undefined while the epoch is open. Throws `epoch_unknown`, or `epoch_closing`. */
  statement(
    from: Queryable,
    epoch: bigint,
    worker: WorkerId,
  ): Promise<WorkerStatement | { readonly open: true; readonly termsVersion: number }>;
  readonly random?: RandomBytes;
}

/** Who asks: somebody with workers sees and changes the disputes of these only. */
export type DisputeParty =
  | { readonly by: 'worker'; readonly workers: readonly WorkerId[] }
  | { readonly by: 'operator' };

/** What somebody writes, not checked yet. */
export interface DisputeWords {
  readonly text: unknown;
  readonly evidence?: unknown;
}

/** A dispute with what was said in it. */
export interface DisputeView {
  readonly dispute: Dispute;
  readonly events: StoredDispute['events'];
}

/**
 * The disputes of a pool. Whoever is refused gets `dispute_invalid` (correct it), `dispute_refused`
 * (the rules do not allow it) or `dispute_unknown`.
 */
export interface Disputes {
  open(
    party: DisputeParty,
    given: DisputeWords & { readonly about: unknown; readonly claimed?: unknown },
  ): Promise<DisputeView>;
  /** The operator answers, or the worker replies. */
  say(party: DisputeParty, id: string, given: DisputeWords): Promise<DisputeView>;
  decide(
    id: string,
    given: DisputeWords & { readonly outcome: DisputeOutcome; readonly award?: unknown },
  ): Promise<DisputeView>;
  withdraw(party: DisputeParty, id: string, given: DisputeWords): Promise<DisputeView>;
  /** The newest first. */
  list(party: DisputeParty): Promise<readonly Dispute[]>;
  show(party: DisputeParty, id: string): Promise<DisputeView>;
  /** Writes down which deadlines passed, and what follows: how many. */
  lapse(): Promise<number>;
}

export function createDisputes(parts: DisputesParts): Disputes {
  const { database, clock, hashing, terms, random = secureRandom } = parts;

  /** Appends an event to the log; the caller holds the lock. */
  async function append(
    tx: Transaction,
    id: DisputeId,
    event: Omit<DisputeRecord, 'format' | 'sequence' | 'previous' | 'content' | 'dispute'>,
    said: {
      readonly text: string;
      readonly evidence: readonly string[];
      readonly award?: Sum;
      readonly opened?: { readonly subject: string; readonly claimed: Sum | undefined };
    },
  ): Promise<void> {
    const { size, hash } = await disputeLogHead(tx);
    const content = canonicalJson({
      text: said.text,
      evidence: said.evidence,
      ...(said.award ? { award: storedSum(said.award) } : {}),
      ...(said.opened ? { subject: said.opened.subject } : {}),
      ...(said.opened?.claimed ? { claimed: storedSum(said.opened.claimed) } : {}),
      salt: toHex(random(32)),
    });
    const record = writeDisputeRecord({
      format: 'tributary-dispute-1',
      ...event,
      sequence: size + 1,
      previous: hash,
      dispute: id,
      content: disputeRecordHash(content, hashing),
    });
    const own = disputeRecordHash(record, hashing);
    await addDisputeEvent(tx, { dispute: id, sequence: size + 1, record, hash: own, content });
  }

  async function found(from: Queryable, filter: DisputeFilter): Promise<DisputeView[]> {
    return (await storedDisputes(from, filter)).map((stored) => ({
      dispute: disputeNow(stored),
      events: stored.events,
    }));
  }

  async function one(from: Queryable, party: DisputeParty, id: string): Promise<DisputeView> {
    const [view] = /^[a-z2-7]{16}$/.test(id) ? await found(from, { id: id as DisputeId }) : [];
    const isOwn = party.by === 'operator' || (view && party.workers.includes(view.dispute.worker));
    if (view && isOwn) return view;
    throw new TributaryError('dispute_unknown', 'There is no such dispute.');
  }

  /** What the time alone brings; afterwards the dispute is as it stands now. */
  async function catchUp(tx: Transaction, dispute: Dispute): Promise<boolean> {
    const rule = await terms.of(dispute.termsVersion);
    const due = dueBy(dispute, rule, clock.now());
    if (!due) return false;
    const at = clock.now();
    const said = { text: 'The pool was late.', evidence: [] };
    const { event } = due;
    if (event === 'overdue') await append(tx, dispute.id, { at, by: 'pool', event }, said);
    else {
      const { award } = due;
      const shown = rule.privacy === 'public' ? { award } : {};
      await append(tx, dispute.id, { at, by: 'pool', event, ...shown }, { ...said, award });
      await end(tx, dispute, award, rule);
    }
    return true;
  }

  async function end(
    tx: Transaction,
    dispute: DisputeCase,
    award: Sum | undefined,
    rule: Terms,
  ): Promise<void> {
    const posting = endPosting(dispute, award, { at: clock.now(), terms: rule });
    if (posting) await post(tx, posting);
  }

  /** Changes one dispute under the lock, after what the time alone brought. */
  async function change(
    party: DisputeParty,
    id: string,
    work: (tx: Transaction, view: DisputeView, rule: Terms) => Promise<void>,
  ): Promise<DisputeView> {
    await late(party, id);
    return database.transact(async (tx) => {
      await lockDisputes(tx);
      const view = await one(tx, party, id);
      if (view.events.length >= EVENTS_MAX) {
        throw refused('Enough was said in this dispute: it waits for its decision.');
      }
      await work(tx, view, await terms.of(view.dispute.termsVersion));
      return one(tx, party, id);
    });
  }

  /** A transaction of its own: a lapse stays, also when what was asked for is then refused. */
  async function late(party: DisputeParty, id: string): Promise<boolean> {
    return database.transact(async (tx) => {
      await lockDisputes(tx);
      return catchUp(tx, (await one(tx, party, id)).dispute);
    });
  }

  /** The line that a dispute is about, and when its window ends. */
  async function lookUp(tx: Transaction, about: unknown, party: DisputeParty) {
    const named = readSubject(about);
    if (party.by === 'worker' && !party.workers.includes(named.worker)) {
      throw refused('That is a line of another worker.');
    }
    const statement = await parts.statement(tx, named.epoch, named.worker);
    const rule = await terms.of(statement.termsVersion);
    if ('open' in statement) {
      if (named.kind !== 'receipt') {
        throw new TributaryError('epoch_open', `Epoch ${named.epoch} has no statement yet.`);
      }
      return { named, subject: named, line: undefined, rule };
    }
    const until = openUntil(rule, statement.closedAt);
    if (until !== undefined && clock.now() > until) {
      const day = new Date(until).toISOString().slice(0, 16).replace('T', ' ');
      throw refused(`What epoch ${named.epoch} came to could be disputed until ${day} UTC.`);
    }
    if (named.kind === 'receipt') return { named, subject: named, line: undefined, rule };
    const place =
      named.kind === 'line'
        ? named.line
        : statement.lines.findIndex(({ evidence }) => evidence === named.id) + 1;
    const line = statement.lines[place - 1];
    if (!line) {
      const { length } = statement.lines;
      const which = length === 0 ? 'no lines' : `lines 1 to ${length}`;
      throw refused(`There is no such line: that statement has ${which} of this worker.`);
    }
    const subject: DisputeSubject = { kind: 'line', epoch: named.epoch, line: place };
    return { named, subject, line, rule };
  }

  return {
    async open(party, given) {
      const text = readDisputeText(given.text);
      const evidence = readEvidence(given.evidence);
      const claimed = readSum(given.claimed);
      return database.transact(async (tx) => {
        await lockDisputes(tx);
        const { named, subject, line, rule } = await lookUp(tx, given.about, party);
        const { worker } = named;
        const claim = checkedClaim(claimed, line, rule);
        const mine = await found(tx, { workers: [worker] });
        const waiting = mine.filter(({ dispute }) => dispute.deadline !== undefined);
        if (waiting.length >= OPEN_MAX) {
          throw refused(`${OPEN_MAX} disputes of this worker wait for the pool already.`);
        }
        const at = clock.now();
        const id = base32(random(10)) as DisputeId;
        const begun = { id, worker, subject, claimed: claim, openedAt: at };
        const opened = openedCase(begun, line, rule);
        const name = subjectName(worker, subject);
        if (!(await addDispute(tx, name, opened))) {
          throw refused('This was disputed already: one line has one dispute.');
        }
        const shown = claim && rule.privacy === 'public' ? { claimed: claim } : {};
        const event = {
          at,
          event: 'opened',
          by: party.by,
          about: { kind: opened.about, epoch: subject.epoch, ...shown },
          deadline: answerBy(rule, at),
        } as const;
        const said = { text, evidence, opened: { subject: name, claimed: claim } };
        await append(tx, opened.id, event, said);
        if (opened.setAside) await post(tx, setAsidePosting(opened, opened.setAside, rule));
        return one(tx, party, opened.id);
      });
    },

    async say(party, id, given) {
      const said = { text: readDisputeText(given.text), evidence: readEvidence(given.evidence) };
      return change(party, id, async (tx, { dispute }, rule) => {
        const at = clock.now();
        const isFirst = party.by === 'operator' && dispute.state === 'open';
        const event = isFirst ? 'answered' : 'replied';
        mustFollow(dispute, event);
        const deadline = isFirst ? { deadline: decideBy(rule, at) } : {};
        await append(tx, dispute.id, { at, event, by: party.by, ...deadline }, said);
      });
    },

    async decide(id, given) {
      const said = { text: readDisputeText(given.text), evidence: readEvidence(given.evidence) };
      const sum = readSum(given.award);
      return change({ by: 'operator' }, id, async (tx, { dispute }, rule) => {
        mustFollow(dispute, 'decided');
        const judged = judge(dispute, given.outcome, sum);
        if (!judged.ok) throw refused(JUDGED[judged.reason]);
        const { award } = judged;
        checkAsset(award, rule);
        const shown = award && rule.privacy === 'public' ? { award } : {};
        const { outcome } = given;
        await append(
          tx,
          dispute.id,
          { at: clock.now(), event: 'decided', by: 'operator', outcome, ...shown },
          { ...said, ...(award ? { award } : {}) },
        );
        await end(tx, dispute, award, rule);
      });
    },

    async withdraw(party, id, given) {
      const said = { text: readDisputeText(given.text), evidence: readEvidence(given.evidence) };
      return change(party, id, async (tx, { dispute }, rule) => {
        if (party.by === 'operator') {
          throw refused('Only the worker can withdraw a dispute; the operator decides it.');
        }
        mustFollow(dispute, 'withdrawn');
        await append(tx, dispute.id, { at: clock.now(), event: 'withdrawn', by: party.by }, said);
        await end(tx, dispute, undefined, rule);
      });
    },

    async list(party) {
      const all = party.by === 'operator' ? {} : { workers: party.workers };
      return (await found(database, all)).map(({ dispute }) => dispute);
    },

    show: (party, id) => one(database, party, id),

    async lapse() {
      let count = 0;
      for (const { dispute } of await found(database, {})) {
        if (dispute.deadline === undefined || clock.now() <= dispute.deadline) continue;
        if (await late({ by: 'operator' }, dispute.id)) count += 1;
      }
      return count;
    },
  };
}

/** Looks every minute which deadlines passed. */
export function watchDisputes(
  disputes: Pick<Disputes, 'lapse'>,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): { close(): Promise<void> } {
  let timer: Timer | undefined;
  let running: Promise<unknown> = Promise.resolve();
  let closed = false;
  function later(): void {
    if (closed) return;
    timer = clock.after(LOOK_EVERY_MS, () => {
      running = disputes
        .lapse()
        .then(
          (count) => count > 0 && log.warn('disputes_overdue', { count }),
          (error: unknown) => {
            const code = error instanceof TributaryError ? error.code : 'internal';
            log.warn('disputes_not_looked_at', { code });
          },
        )
        .finally(later);
    });
  }
  later();
  return {
    async close() {
      closed = true;
      timer?.cancel();
      await running;
    },
  };
}

const JUDGED = {
  amount_missing: 'Say how much: no amount was claimed, or only a part is given.',
  amount_for_nothing: 'A dispute that is refused gives nothing.',
  more_than_claimed: 'That is more than what was claimed, or another asset.',
  not_partly: 'Partly is less than what was claimed, and upheld is all of it.',
} as const;

/** What is claimed: of a line that took something, no more than it took. */
function checkedClaim(
  claimed: Sum | undefined,
  line: WorkerStatement['lines'][number] | undefined,
  rule: Terms,
): Sum | undefined {
  const taken = line && takenBy(line);
  if (!claimed) return taken;
  checkAsset(claimed, rule);
  if (line && line.asset !== claimed.asset) throw refused(`That line is in ${line.asset}.`);
  if (taken && claimed.amount > taken.amount) {
    throw refused(`That line took ${taken.amount} base units of ${taken.asset}, and not more.`);
  }
  return claimed;
}

function checkAsset(sum: Sum | undefined, rule: Terms): void {
  if (sum && !Object.hasOwn(rule.assets, sum.asset)) {
    throw refused(`The terms of that epoch do not know ${sum.asset}.`);
  }
}

function mustFollow({ state }: Dispute, event: DisputeRecord['event']): void {
  if (disputeAfter(state, event)) return;
  const words = state === 'answered' ? 'answered already' : state;
  throw refused(`This dispute is ${words}.`);
}

/** `{ asset, amount }` with the amount in base units as text. Throws `dispute_invalid`. */
function readSum(given: unknown): Sum | undefined {
  if (given === undefined) return undefined;
  const { asset, amount } = (given ?? {}) as Record<string, unknown>;
  const isSum =
    typeof asset === 'string' &&
    isAssetId(asset) &&
    typeof amount === 'string' &&
    /^[1-9]\d{0,37}$/.test(amount);
  if (isSum) return { asset: asset as AssetId, amount: BigInt(amount) };
  throw new TributaryError(
    'dispute_invalid',
    'An amount is an asset with a whole number of base units above 0.',
  );
}

function refused(text: string): TributaryError {
  return new TributaryError('dispute_refused', text);
}
