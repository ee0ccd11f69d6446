import type { Manifest } from '../manifest/manifest.ts';
import { manifestOf } from './look.ts';
import { samePlace } from './orchestrator.ts';
import type { PoolRecord } from './record.ts';

/** What is looked at of every pool, in the order in which it is shown. */
export const checkNames = [
  'manifest',
  'identity',
  'service',
  'terms',
  'proofs',
  'payouts',
] as const;
export type CheckName = (typeof checkNames)[number];

/** What came out of one of them: one or two sentences. */
export interface CheckResult {
  readonly name: CheckName;
  /** `unknown`: it could not be looked at, or there is nothing yet. */
  readonly result: 'holds' | 'fails' | 'unknown';
  readonly text: string;
  /** Since when it fails; null otherwise. */
  readonly since: number | null;
}

/**
 * `verified`: nothing fails, and who it is stands on the chain. `signed`: nothing fails, and who it is
 * is what it says itself. `failing`: something fails. `unreachable`, `refused`: there is no manifest
 * to go by now. `new`: nobody has looked yet.
 */
export type Standing = 'verified' | 'signed' | 'failing' | 'unreachable' | 'refused' | 'new';

/** A pool as the directory judges it. */
export interface Judged {
  readonly record: PoolRecord;
  /** The newest one that was in order; of a refused pool not shown as its own words. */
  readonly manifest: Manifest | undefined;
  readonly standing: Standing;
  readonly checks: readonly CheckResult[];
}

/** Judges all pools, since two of them may claim to be one. */
export function judge(records: readonly PoolRecord[]): readonly Judged[] {
  const claims = Map.groupBy(records, (record) => {
    const pool = manifestOf(record)?.pool;
    return pool?.orchestrator === undefined ? '' : `${pool.chainId} ${pool.orchestrator}`;
  });
  return records.map((record) => {
    const manifest = manifestOf(record);
    const { orchestrator, chainId } = manifest?.pool ?? {};
    const rivals =
      orchestrator === undefined
        ? []
        : (claims.get(`${chainId} ${orchestrator}`) ?? []).filter((one) => one !== record);
    return judgeOne(record, manifest, rivals);
  });
}

function judgeOne(
  record: PoolRecord,
  manifest: Manifest | undefined,
  rivals: readonly PoolRecord[],
): Judged {
  const checks = [
    manifestCheck(record),
    ...(manifest
      ? [
          identityCheck(record, manifest, rivals),
          serviceCheck(record, manifest),
          termsCheck(record, manifest),
          proofsCheck(record),
          payoutsCheck(record, manifest),
        ]
      : []),
  ];
  return { record, manifest, checks, standing: standingOf(record, manifest, checks) };
}

function standingOf(
  { lookedAt, trouble }: PoolRecord,
  manifest: Manifest | undefined,
  checks: readonly CheckResult[],
): Standing {
  if (lookedAt === null) return 'new';
  if (trouble) return trouble.kind;
  if (!manifest || checks.some(({ result }) => result === 'fails')) return 'failing';
  const identity = checks.find(({ name }) => name === 'identity');
  return identity?.result === 'holds' ? 'verified' : 'signed';
}

function check(
  name: CheckName,
  result: CheckResult['result'],
  text: string,
  since: number | null = null,
): CheckResult {
  return { name, result, text, since: result === 'fails' ? since : null };
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function manifestCheck({ trouble, manifest, lookedAt }: PoolRecord): CheckResult {
  if (trouble) return check('manifest', 'fails', sentence(trouble.text), trouble.since);
  if (!manifest) {
    const text = lookedAt === null ? 'Nobody has looked at it yet.' : 'There is none.';
    return check('manifest', 'unknown', text);
  }
  return check('manifest', 'holds', 'The manifest is signed, and has not expired.');
}

/** Who signs for an orchestrator, and how that is known. */
function isProven({ chain }: PoolRecord, { pool }: Manifest): boolean {
  if (pool.account === undefined || pool.account === pool.orchestrator) return true;
  // The orchestrator registered a host on the chain; its pool speaks from that host.
  if (chain?.kind !== 'seen' || !URL.canParse(chain.orchestrator.serviceUri)) return false;
  const { hostname } = new URL(chain.orchestrator.serviceUri);
  return new URL(pool.url).hostname === hostname;
}

function identityCheck(
  record: PoolRecord,
  manifest: Manifest,
  rivals: readonly PoolRecord[],
): CheckResult {
  const { chain } = record;
  const { pool } = manifest;
  if (pool.orchestrator === undefined) {
    const text =
      'It works off chain: no account on a chain stands for it, and the key that signs is all there is.';
    return check('identity', 'unknown', text);
  }
  const rival = rivals.find((one) => {
    const other = manifestOf(one);
    return other !== undefined && isProven(one, other);
  });
  if (!isProven(record, manifest)) {
    const claim = `It claims the orchestrator ${pool.orchestrator}, and another account signs for it: nothing on the chain says that it may.`;
    const by = rival ? ` ${rival.seed.origin} proves that it is this orchestrator.` : '';
    const fails = rival !== undefined || rivals.length > 0;
    const others = fails && !rival ? ' Other pools claim it, too.' : '';
    return check(
      'identity',
      fails ? 'fails' : 'unknown',
      `${claim}${by}${others}`,
      record.lookedAt,
    );
  }
  if (rival) {
    const text = `The account of the orchestrator signed this manifest, and that of ${rival.seed.origin} as well: two pools claim to be one.`;
    return check('identity', 'fails', text, record.lookedAt);
  }
  switch (chain?.kind) {
    case undefined:
      return check('identity', 'unknown', 'This directory looks at no chain.');
    case 'other_chain': {
      const text = `It is on chain ${chain.chainId}, which this directory does not look at.`;
      return check('identity', 'unknown', text);
    }
    case 'not_read':
      return check('identity', 'unknown', 'The chain could not be asked in this look.');
    case 'seen':
      return registered(record, manifest, chain.orchestrator);
  }
}

function registered(
  record: PoolRecord,
  { pool }: Manifest,
  { active, serviceUri }: { readonly active: boolean; readonly serviceUri: string },
): CheckResult {
  if (serviceUri !== '' && !samePlace(serviceUri, pool.serviceUri)) {
    const text = `The orchestrator registered ${serviceUri} on the chain, and the manifest says ${pool.serviceUri}.`;
    return check('identity', 'fails', text, record.lookedAt);
  }
  const where = serviceUri === '' ? 'has registered no service URI' : 'registered this service URI';
  const set = active ? 'is in the active set' : 'is not in the active set';
  return check(
    'identity',
    'holds',
    `The orchestrator signed for it, ${set}, and ${where} on the chain.`,
  );
}

function serviceCheck({ service }: PoolRecord, { pool }: Manifest): CheckResult {
  return service
    ? check('service', 'holds', `${pool.serviceUri} answered the last look with a TLS handshake.`)
    : check('service', 'unknown', `${pool.serviceUri} did not answer the last look.`);
}

function termsCheck({ termsTrouble }: PoolRecord, { terms }: Manifest): CheckResult {
  if (termsTrouble) return check('terms', 'fails', sentence(termsTrouble.text), termsTrouble.since);
  return terms.version === 0
    ? check('terms', 'holds', 'The pool has published no terms: the default ones hold.')
    : check('terms', 'holds', `Version ${terms.version} is the one that was signed.`);
}

function proofsCheck({ proofs, proofsTrouble, proofsAt }: PoolRecord): CheckResult {
  if (proofs.fault) {
    const { epoch, text, since } = proofs.fault;
    const where = epoch === null ? '' : `Epoch ${epoch}: `;
    return check(
      'proofs',
      'fails',
      `${where}${epoch === null ? sentence(text) : `${text}.`}`,
      since,
    );
  }
  if (proofsTrouble) {
    return check('proofs', 'unknown', `They could not be read: ${proofsTrouble.text}.`);
  }
  if (proofsAt === null) return check('proofs', 'unknown', 'They were not looked at yet.');
  if (proofs.held === 0) return check('proofs', 'unknown', 'No epoch is published yet.');
  const { held, published } = proofs;
  const one = held === 1;
  const which =
    held === published
      ? all(held, 'published epoch')
      : `The first ${one ? 'epoch' : `${held} epochs`} of ${published}`;
  const text =
    proofs.privacy === 'private'
      ? `${which} ${one ? 'is' : 'are'} signed, one after the other; each line is shown to its own worker alone.`
      : `${which}, recomputed here, ${one ? 'comes' : 'come'} to what the pool signed.`;
  return check('proofs', 'holds', `${text}${correctedText(proofs)}`);
}

function correctedText({ corrected = [] }: PoolRecord['proofs']): string {
  const [first] = corrected;
  if (!first) return '';
  return corrected.length === 1
    ? ` Epoch ${first.epoch} was corrected after a restore, and credits nobody less.`
    : ` ${corrected.length} epochs from epoch ${first.epoch} on were corrected after a restore, and credit nobody less.`;
}

/** `The one epoch`, `Both epochs`, `All 3 epochs`. */
function all(count: number, what: string): string {
  if (count === 1) return `The one ${what}`;
  return count === 2 ? `Both ${what}s` : `All ${count} ${what}s`;
}

function payoutsCheck({ proofs, chain }: PoolRecord, { pool }: Manifest): CheckResult {
  const { payouts, onChain, late } = proofs.promised;
  if (payouts === 0) return check('payouts', 'unknown', 'None is published yet.');
  const lateText = late === 0 ? 'none came late' : `${late} came more than a day late`;
  if (pool.chainId === '0') {
    const text = `${payouts} are published, ${lateText}. Off chain nobody but their workers sees them.`;
    return check('payouts', 'unknown', text);
  }
  if (chain?.kind !== 'seen') {
    return check('payouts', 'unknown', `${payouts} are published; the chain was not looked at.`);
  }
  const isOne = onChain === 1;
  const which =
    onChain === payouts
      ? all(payouts, 'published payout')
      : `${onChain} of ${payouts} published payouts`;
  const found = `${isOne ? 'was' : 'were'} found on the chain with ${isOne ? 'its amount' : 'their amounts'}`;
  const text = `${which} ${found}; ${lateText}.`;
  return check('payouts', 'holds', text);
}
