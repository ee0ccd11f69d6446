import { type BlobStore, createBlobStore } from '../../base/blob.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { createHashing } from '../../base/hashing.ts';
import { createLog, type Log, type LogLevel } from '../../base/log.ts';
import type { ChainValues } from './chain-settings.ts';
import { createGateway, type Gateway } from './gateway.ts';
import { held } from './held.ts';
import { createMedia, type Media } from './media.ts';
import { openPaying, type PayingParts } from './paying.ts';
import { untilMoneyIsSeen } from './seen-money.ts';
import { createTransport } from './transport.ts';

/**
 * Segments and renditions in memory at once. A 60 s source segment of 8 Mbit/s with its ladder
 * takes 120 MiB, and a few of those may be in flight.
 */
const BLOB_BYTES_MAX = 1024 * 1024 * 1024;

/** A gateway with everything that it stands on. */
export interface Assembled {
  readonly gateway: Gateway;
  readonly media: Media;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly paying: PayingParts;
  close(): Promise<void>;
}

/**
 * Puts the real parts together. The caller closes it. On chain the missing money is in place, and
 * seen, when it returns; throws what {@link openPaying} throws.
 */
export async function assemble(
  settings: ChainValues & {
    readonly orchestrator: readonly string[];
    readonly maxAttempts: number;
    readonly logLevel: LogLevel;
  },
): Promise<Assembled> {
  const clock = systemClock;
  const log = createLog({ level: settings.logLevel, program: 'gateway' });
  const paying = await held(() => openPaying(settings, { clock, log }));
  const { signer, payments } = paying;
  const blobs = createBlobStore({ bytesMax: BLOB_BYTES_MAX });
  const hashing = createHashing({ threads: 1 });
  const media = createMedia();
  const transport = createTransport({ clock, blobs });
  if (paying.funding?.transaction !== undefined) {
    await held(() => untilMoneyIsSeen({ transport, signer, clock }, settings.orchestrator));
  }
  const gateway = createGateway(
    { orchestrators: settings.orchestrator, attemptsMax: settings.maxAttempts },
    { clock, log, hashing, transport, signer, payments, countPixels: media.countPixels },
  );
  return {
    gateway,
    media,
    blobs,
    clock,
    log,
    paying,
    async close() {
      transport.close();
      await Promise.all([hashing.close(), media.close(), paying.close()]);
    },
  };
}
