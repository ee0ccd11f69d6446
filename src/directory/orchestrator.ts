import type { PlainRpc } from '../chain/plain-rpc.ts';

/** An orchestrator as the contracts have it. Amounts in base units, shares in parts per million. */
export interface Orchestrator {
  readonly active: boolean;
  /** Own and delegated LPT. */
  readonly stake: string;
  /** What it keeps of rewards. */
  readonly rewardCutPpm: string;
  /** What it keeps of fees. */
  readonly feeCutPpm: string;
  /** As it registered it; empty when it did not. */
  readonly serviceUri: string;
}

/** Registered URIs are shorter; a longer one is somebody's joke. */
const URI_BYTES_MAX = 2_048;

/** Reads who an orchestrator is. Undefined without the contracts; throws `rpc_unavailable`. */
export async function readOrchestrator(
  rpc: PlainRpc,
  orchestrator: string,
): Promise<Orchestrator | undefined> {
  const bonding = await rpc.contractOf('BondingManager');
  const registry = await rpc.contractOf('ServiceRegistry');
  if (bonding === undefined || registry === undefined) return undefined;
  // protocol: BondingManager.isActiveTranscoder, transcoderTotalStake, getTranscoder;
  // ServiceRegistry.getServiceURI.
  const [active, stake, transcoder, uri] = await Promise.all([
    rpc.readOf(bonding, 'isActiveTranscoder(address)', orchestrator),
    rpc.readOf(bonding, 'transcoderTotalStake(address)', orchestrator),
    rpc.readOf(bonding, 'getTranscoder(address)', orchestrator),
    rpc.readOf(registry, 'getServiceURI(address)', orchestrator),
  ]);
  return {
    active: word(active, 0) === 1n,
    stake: String(word(stake, 0)),
    rewardCutPpm: String(word(transcoder, 1)),
    feeCutPpm: String(1_000_000n - word(transcoder, 2)),
    serviceUri: textIn(uri),
  };
}

function word(words: string, place: number): bigint {
  const digits = words.slice(place * 64, (place + 1) * 64);
  return digits.length === 64 ? BigInt(`0x${digits}`) : 0n;
}

/** A string behind its offset and length. */
function textIn(words: string): string {
  const length = word(words, 1);
  if (length > BigInt(URI_BYTES_MAX)) return '';
  const bytes = Buffer.from(words.slice(128, 128 + Number(length) * 2), 'hex');
  // Anybody may register anything: signs that turn the text around it are not shown.
  return bytes.toString('utf8').replaceAll(/\p{C}/gu, '');
}

/** Whether two URIs name the same place. */
export function samePlace(one: string, other: string): boolean {
  return URL.canParse(one) && URL.canParse(other) && new URL(one).origin === new URL(other).origin;
}
