import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type OrchestratorInfo,
  type TranscodeResult as TranscodeResultMessage,
  TranscodeResultSchema,
} from './gen/lp_rpc_pb.ts';
import { type Signer, signedBy } from './signature.ts';
import { PROFILES_MAX } from './video-profile.ts';

/** A reply has a URL or two per rendition and an OrchestratorInfo of some kilobytes. */
export const RESULT_BYTES_MAX = 1024 * 1024;

/** One rendition as a gateway is told of it. */
export interface ResultRendition {
  /** Where the gateway downloads it: absolute. */
  readonly url: string;
  /** Width x height x frames of the encoded output. */
  readonly pixels: bigint;
  /** Present only when a perceptual hash was asked for. */
  readonly perceptualHashUrl?: string | undefined;
}

/** What `/segment` answers after its early 200. */
export interface TranscodeResult {
  /** Copy of the request's. */
  readonly seq: bigint;
  readonly result:
    | {
        readonly kind: 'done';
        /** One per profile, in order. */
        readonly renditions: readonly ResultRendition[];
        /** 65 bytes, see {@link signResult}; empty off-chain. */
        readonly sig: Uint8Array;
      }
    | { readonly kind: 'failed'; readonly text: string };
  /** For the next segment of the session; a gateway replaces all it knows by it. */
  readonly info?: OrchestratorInfo | undefined;
}

/** A decoded reply, or what a gateway makes of one that is none. */
export type TranscodeResultOutcome =
  | { readonly ok: true; readonly result: TranscodeResult }
  | { readonly ok: false; readonly reason: 'malformed' | 'unset' | 'too_many_renditions' };

/**
 * Writes the reply of `/segment`. The members of the oneof come last, as go-livepeer's encoder
 * writes them, so that replies are the same to the byte.
 */
export function encodeTranscodeResult(result: TranscodeResult): Uint8Array {
  const { seq, info } = result;
  const head = create(TranscodeResultSchema, { seq, ...(info ? { info } : {}) });
  const tail = create(TranscodeResultSchema, { result: oneof(result.result) });
  return Buffer.concat([
    toBinary(TranscodeResultSchema, head),
    toBinary(TranscodeResultSchema, tail),
  ]);
}

type Oneof = Exclude<TranscodeResultMessage['result'], { case: undefined }>;

function oneof(result: TranscodeResult['result']): Oneof {
  if (result.kind === 'failed') return { case: 'error', value: result.text };
  const segments = result.renditions.map(({ url, pixels, perceptualHashUrl }) => ({
    url,
    pixels,
    perceptualHashUrl: perceptualHashUrl ?? '',
  }));
  const { result: made } = create(TranscodeResultSchema, {
    result: { case: 'data', value: { segments, sig: result.sig } },
  });
  return made as Oneof;
}

/** Reads the reply of `/segment`. The list never is longer than a ladder may be. */
export function decodeTranscodeResult(bytes: Uint8Array): TranscodeResultOutcome {
  if (bytes.length > RESULT_BYTES_MAX) return { ok: false, reason: 'malformed' };
  let message: TranscodeResultMessage;
  try {
    message = fromBinary(TranscodeResultSchema, bytes, { readUnknownFields: false });
  } catch {
    return { ok: false, reason: 'malformed' };
  }
  const { seq, info, result } = message;
  switch (result.case) {
    case undefined:
      return { ok: false, reason: 'unset' };
    case 'error':
      return { ok: true, result: { seq, info, result: { kind: 'failed', text: result.value } } };
    case 'data': {
      const { segments, sig } = result.value;
      if (segments.length > PROFILES_MAX) return { ok: false, reason: 'too_many_renditions' };
      const renditions = segments.map(({ url, pixels, perceptualHashUrl }) => ({
        url,
        pixels,
        perceptualHashUrl: perceptualHashUrl === '' ? undefined : perceptualHashUrl,
      }));
      return { ok: true, result: { seq, info, result: { kind: 'done', renditions, sig } } };
    }
  }
}

/**
 * Signs what a gateway will download: keccak-256 of each rendition, in order. Perceptual hashes are
 * not covered. Wire: go-livepeer core/orchestrator.go:transcodeSeg.
 */
export function signResult(signer: Signer, hashes: readonly Uint8Array[]): Uint8Array {
  return signer.sign(Buffer.concat(hashes));
}

/** Whether `address` signed these rendition hashes. Wire: verification/verify.go. */
export function resultSignedBy(
  address: Uint8Array,
  hashes: readonly Uint8Array[],
  sig: Uint8Array,
): boolean {
  return signedBy(address, Buffer.concat(hashes), sig);
}
