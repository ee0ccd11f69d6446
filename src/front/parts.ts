import type { BlobStore } from '../base/blob.ts';
import type { Clock } from '../base/clock.ts';
import type { Hashing } from '../base/hashing.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Tracing } from '../base/spans.ts';
import type { Dispatch } from '../dispatch/dispatch-types.ts';
import type { VettedFetch } from '../http/vetted-fetch.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Inspector } from '../media/inspector.ts';
import type { Payments } from '../payments/payments.ts';
import type { AuthSecret } from '../protocol/auth-token.ts';
import type { Presence } from '../workers/presence.ts';
import type { Workers } from '../workers/workers.ts';
import type { DiscoveryWebhook } from './discovery-webhook.ts';
import type { SegmentDetail } from './job.ts';
import type { FrontMetrics } from './metrics.ts';
import type { OutputMemory } from './output-memory.ts';
import type { Relay } from './relay.ts';
import type { Renditions } from './renditions.ts';
import type { FrontSigning, Signatures } from './signatures.ts';
import type { Streams } from './streams.ts';

/** Everything that the routes of port 8935 stand on. */
export interface FrontParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: FrontMetrics;
  /** `https://HOST:PORT` as the pool publishes it: byte for byte the same in every answer. */
  readonly serviceUri: string;
  readonly signing: FrontSigning;
  readonly signatures: Signatures;
  /** Undefined off-chain, where nobody pays. */
  readonly payments: Payments | undefined;
  /** The operator's own word on who is served; undefined: everybody. */
  readonly discovery: DiscoveryWebhook | undefined;
  /** Newest first. */
  authSecrets(): readonly AuthSecret[];
  /** Newest first. */
  sourceSecrets(): readonly Uint8Array[];
  readonly workers: Workers;
  /** Measures how long workers are there. */
  readonly presence: Pick<Presence, 'arrived' | 'left'>;
  /** What workers missed of their receipts is read again. */
  readonly receipts: Pick<Ledger, 'receiptsOf' | 'signed'>;
  readonly dispatch: Dispatch;
  readonly relay: Relay<SegmentDetail>;
  readonly blobs: BlobStore;
  readonly hashing: Hashing;
  readonly inspector: Inspector;
  readonly renditions: Renditions;
  readonly streams: Streams;
  readonly outputs: OutputMemory;
  readonly fetch: VettedFetch;
  /** Greatest number of sessions by the operator's wish; undefined: what the workers can take. */
  readonly sessionsMax: number | undefined;
  /** Undefined: nothing is traced. */
  readonly tracing: Tracing | undefined;
  /** A machine connected with a worker's credential from this address, which nobody keeps. */
  seenFrom?(worker: WorkerId, address: string): void;
  /** True from SIGTERM on: no new sessions, no new workers. */
  draining(): boolean;
}
