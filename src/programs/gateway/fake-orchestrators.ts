import { create } from '@bufbuild/protobuf';
import { type Blob, createBlobStore } from '../../base/blob.ts';
import type { Clock } from '../../base/clock.ts';
import { keccak256 } from '../../base/keccak.ts';
import { DEFAULT_BITS, writeCapabilities } from '../../protocol/capabilities.ts';
import { type OrchestratorInfo, OrchestratorInfoSchema } from '../../protocol/gen/lp_rpc_pb.ts';
import { decodeSegment } from '../../protocol/segment.ts';
import { type Signer, ZERO_ADDRESS } from '../../protocol/signature.ts';
import { encodeTranscodeResult, signResult } from '../../protocol/transcode-result.ts';
import type { FakeTill } from './fake-till.ts';
import type { Transport } from './transport.ts';

/** How a fake orchestrator answers; a test changes it as it goes. */
export interface FakeOrchestrator {
  /** Answer to `/segment` instead of renditions. */
  error?: string | undefined;
  /** Fails before any status, as an unreachable one. */
  dead?: boolean;
  /** What it says on top of what its renditions hold. */
  extraPixels?: bigint;
  /** Refuses discovery with this text. */
  capped?: string | undefined;
  signer?: Signer | undefined;
  tokenLifeS?: number;
  tokenless?: boolean;
  bits?: bigint;
  /** Where it takes payments; without one it is off-chain. */
  till?: FakeTill;
  /** What it was asked, in order. */
  readonly calls: string[];
}

/** Renditions of the fake orchestrators are these many pixels, by their text. */
export const FAKE_PIXELS = 426n * 240n * 60n;

const blobs = createBlobStore({ bytesMax: 64 * 1024 * 1024 });

/** A complete blob of a text. */
export function textBlob(text: string): Blob {
  const blob = blobs.create();
  blob.write(Buffer.from(text));
  blob.complete();
  return blob;
}

/** For tests: a transport to orchestrators that live in this process, by their service URI. */
export function fakeTransport(
  orchestrators: Readonly<Record<string, FakeOrchestrator>>,
  clock: Clock,
  sender: Uint8Array = ZERO_ADDRESS,
): Transport {
  let session = 0;
  const find = (service: string) => orchestrators[service];

  const infoOf = (service: string, fake: FakeOrchestrator, sessionId: string): OrchestratorInfo =>
    create(OrchestratorInfoSchema, {
      transcoder: service,
      address: fake.signer?.address ?? new Uint8Array(20),
      ...fake.till?.offer(),
      capabilities: writeCapabilities({ bits: fake.bits ?? DEFAULT_BITS, version: '0.9.1' }),
      ...(fake.tokenless
        ? {}
        : {
            authToken: {
              token: Buffer.from('token'),
              sessionId,
              expiration: BigInt(Math.trunc(clock.now() / 1000) + (fake.tokenLifeS ?? 1800)),
            },
          }),
    });

  return {
    async getOrchestrator(service) {
      const fake = find(service);
      if (!fake || fake.dead) return { ok: false, text: 'connection: refused' };
      fake.calls.push('info');
      if (fake.capped) return { ok: false, text: fake.capped };
      return { ok: true, value: infoOf(service, fake, `session-${++session}`) };
    },
    async endSession(service, token) {
      find(service)?.calls.push(`end ${token.sessionId}`);
      return { ok: true, value: undefined };
    },
    async submit({ service, credentials, payment }) {
      const fake = find(service);
      const decoded = decodeSegment(credentials);
      if (!fake || fake.dead) return { ok: false, text: 'header timeout: refused', taken: false };
      if (!decoded.ok) return { ok: false, text: decoded.text, taken: true };
      const { seq, profiles, authToken } = decoded.segment;
      fake.calls.push(`segment ${seq} ${authToken?.sessionId}`);
      const info = infoOf(service, fake, authToken?.sessionId ?? '');
      const unpaid = fake.till?.take(payment, authToken?.sessionId ?? '', sender);
      if (unpaid !== undefined) return { ok: false, text: unpaid, taken: true };
      if (fake.error !== undefined) {
        const result = { kind: 'failed', text: fake.error } as const;
        return { ok: true, value: encodeTranscodeResult({ seq, info, result }) };
      }
      const urls = profiles.map(({ name }) => `${service}/stream/${name}/${seq}.ts`);
      const hashes = urls.map((url) => keccak256(Buffer.from(url)));
      const result = {
        kind: 'done',
        renditions: urls.map((url) => ({ url, pixels: FAKE_PIXELS + (fake.extraPixels ?? 0n) })),
        sig: fake.signer ? signResult(fake.signer, hashes) : new Uint8Array(0),
      } as const;
      const made = result.renditions.reduce((sum, { pixels }) => sum + pixels, 0n);
      fake.till?.debit(authToken?.sessionId ?? '', made);
      return { ok: true, value: encodeTranscodeResult({ seq, info, result }) };
    },
    download: async (url) => ({ ok: true, value: textBlob(url) }),
    close() {},
  };
}
