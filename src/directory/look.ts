import type { PlainRpc } from '../chain/plain-rpc.ts';
import {
  MANIFEST_CHARACTERS_MAX,
  MANIFEST_PATH,
  type Manifest,
  signedSchema,
} from '../manifest/manifest.ts';
import { termsDifference, verifyManifest } from '../manifest/verify-manifest.ts';
import type { TermsTools } from '../terms/verify-terms.ts';
import { failureText, type Outside } from './fetch.ts';
import { withCheck } from './hours.ts';
import { readOrchestrator } from './orchestrator.ts';
import { type ChainSeen, type PoolRecord, type Trouble, troubleSince } from './record.ts';

/** A manifest of a few KiB; the clock runs over redirects and the last byte alike. */
const MANIFEST_MS = 15_000;
const HANDSHAKE_MS = 10_000;
/** A round of the protocol is a day: what the chain said changes slowly. */
const CHAIN_FRESH_MS = 24 * 3_600_000;
const MANIFEST_BYTES_MAX = 2 * MANIFEST_CHARACTERS_MAX;
const INDEX_BYTES_MAX = 8 * 1024 * 1024;
/** More versions than a pool publishes in years; older ones stand in the proofs. */
const TERMS_KEPT = 200;
const NO_POOL = `0x${'0'.repeat(40)}`;

/** There is an answer, and it is not taken. */
const REFUSED: ReadonlySet<string> = new Set([
  'not_public',
  'downgraded',
  'certificate',
  'too_large',
]);

/** What a look is made with. */
export interface LookParts {
  readonly outside: Outside;
  readonly tools: TermsTools;
  /** Undefined: this directory looks at no chain. Throws `rpc_unavailable`. */
  readonly rpc: (() => Promise<PlainRpc>) | undefined;
  now(): number;
}

/** Looks at a pool: its manifest, its service URI, its orchestrator. Proofs are another, longer look. */
export async function lookAt(record: PoolRecord, parts: LookParts): Promise<PoolRecord> {
  const at = new URL(MANIFEST_PATH, record.seed.origin);
  const limits = { bytesMax: MANIFEST_BYTES_MAX, ms: MANIFEST_MS };
  const fetched = await parts.outside.text(at, limits);
  const now = parts.now();
  const looked = { ...record, lookedAt: now };
  const known = manifestOf(record);
  if (!fetched.ok) {
    const { reason } = fetched.failure;
    const kind = REFUSED.has(reason) ? 'refused' : 'unreachable';
    const text = `no manifest is at ${at.href}: ${failureText(fetched.failure)}`;
    const trouble = {
      kind,
      ...troubleSince(record.trouble, { fault: reason, text }, now),
    } as const;
    const isSuspect = reason === 'not_public';
    return seen(
      { ...looked, trouble },
      { page: false, service: isSuspect ? false : await answers(known, parts) },
      now,
    );
  }
  const verdict = verifyManifest({ text: fetched.text, now, at }, parts.tools);
  if (!verdict.ok) {
    const trouble = { kind: 'refused', ...troubleSince(record.trouble, verdict, now) } as const;
    const service = await answers(known, parts);
    return seen({ ...looked, trouble }, { page: false, service }, now);
  }
  const { manifest } = verdict;
  const [service, chain, termsTrouble] = await Promise.all([
    answers(manifest, parts),
    onChain(manifest, parts),
    termsTroubleOf(record, manifest, parts),
  ]);
  const { version, digest } = manifest.terms;
  const isNew = !record.terms.some((one) => one.version === version && one.digest === digest);
  const terms = isNew ? [...record.terms, { version, digest, at: now }] : record.terms;
  return seen(
    {
      ...looked,
      manifest: { text: fetched.text, at: now },
      trouble: null,
      terms: terms.slice(-TERMS_KEPT),
      termsTrouble,
      chain: chainAfter(record.chain, chain, now),
    },
    { page: true, service },
    now,
  );
}

function seen(
  record: PoolRecord,
  answered: { readonly page: boolean; readonly service: boolean },
  now: number,
): PoolRecord {
  const hours = withCheck(record.hours, now, answered);
  return { ...record, service: answered.service, hours };
}

/** Parsed once: pages ask for all of them again and again. */
const parsed = new WeakMap<object, Manifest>();

/** The manifest of a record, which was checked before it was kept. */
export function manifestOf({ manifest }: Pick<PoolRecord, 'manifest'>): Manifest | undefined {
  if (!manifest) return undefined;
  const known = parsed.get(manifest);
  if (known) return known;
  // Its defaults were filled in when it was checked; here they are again.
  const read = signedSchema.parse(JSON.parse(manifest.text)).manifest;
  parsed.set(manifest, read);
  return read;
}

/** A node that is away for a moment does not make a pool a stranger. */
function chainAfter(
  before: ChainSeen | null,
  found: ChainSeen | undefined,
  now: number,
): ChainSeen | null {
  if (!found) return before;
  const isFresh = before?.kind === 'seen' && now - before.at < CHAIN_FRESH_MS;
  return found.kind === 'not_read' && isFresh ? before : found;
}

async function answers(manifest: Manifest | undefined, { outside }: LookParts): Promise<boolean> {
  const uri = manifest?.pool.serviceUri;
  if (uri === undefined || !URL.canParse(uri)) return false;
  return outside.handshake(new URL(uri), HANDSHAKE_MS);
}

/** Undefined: this directory looks at no chain, or the pool is on none. */
async function onChain(
  { pool }: Manifest,
  { rpc, now }: LookParts,
): Promise<ChainSeen | undefined> {
  if (!rpc || pool.orchestrator === undefined) return undefined;
  try {
    const node = await rpc();
    if (String(node.chainId) !== pool.chainId) {
      return { kind: 'other_chain', chainId: pool.chainId };
    }
    const orchestrator = await readOrchestrator(node, pool.orchestrator);
    return orchestrator
      ? { kind: 'seen', orchestrator, at: now() }
      : { kind: 'not_read', at: now() };
  } catch {
    // The node is the operator's own: that it is away says nothing of the pool.
    return { kind: 'not_read', at: now() };
  }
}

/** Whether the terms of the manifest are those that were published under their number. */
async function termsTroubleOf(
  record: PoolRecord,
  manifest: Manifest,
  { outside, tools, now }: LookParts,
): Promise<Trouble | null> {
  const { version, digest } = manifest.terms;
  const earlier = record.terms.find((one) => one.version === version && one.digest !== digest);
  if (earlier) {
    const day = new Date(earlier.at).toISOString().slice(0, 10);
    const text = `version ${version} of the terms says something else than it did on ${day}`;
    return troubleSince(record.termsTrouble, { fault: 'terms_rewritten', text }, now());
  }
  if (version === 0) return null;
  const limits = { bytesMax: INDEX_BYTES_MAX, ms: MANIFEST_MS };
  const read = async (path: string) => {
    const fetched = await outside.text(new URL(path, directoryOf(manifest.proofs.url)), limits);
    return fetched.ok ? fetched.text : undefined;
  };
  const [terms, index] = await Promise.all([read(`terms/${version}.json`), read('index.json')]);
  const difference = termsDifference(manifest, { terms, index }, tools);
  return difference ? troubleSince(record.termsTrouble, difference, now()) : null;
}

/** Where relative paths start. */
export function directoryOf(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}

/** The pool of a manifest as proofs name it: zeros off chain. */
export function poolOf({ pool }: Manifest): { orchestrator: string; chainId: string } {
  return { orchestrator: pool.orchestrator ?? NO_POOL, chainId: pool.chainId };
}
