import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { parseBase64 } from '../base/bytes.ts';
import { keccak256 } from '../base/keccak.ts';
import { type JobCapabilities, readCapabilities, writeCapabilities } from './capabilities.ts';
import { fixedBytes } from './fixed-bytes.ts';
import {
  type OSInfo,
  OSInfo_StorageType,
  type SegData,
  SegDataSchema,
  type VideoProfile as VideoProfileMessage,
} from './gen/lp_rpc_pb.ts';
import { inputTexts, segmentTexts, taskTexts } from './texts.ts';
import {
  decodeProfile,
  encodeProfile,
  PROFILES_MAX,
  profileListFor,
  type VideoProfile,
} from './video-profile.ts';

/** Ten profiles with long names, a token and an S3 policy fit; no HTTP/2 header here is longer. */
export const SEGMENT_HEADER_CHARS_MAX = 64 * 1024;
/** The protocol's own limit. Wire: go-livepeer common/util.go. */
export const DURATION_MS_MAX = 300_000;
/** What a duration of 0 means. Wire: go-livepeer server/rpc.go:coreSegMetadata. */
const DURATION_MS_DEFAULT = 2_000;
/** A manifest id is hashed and copied per task; stock ones are short URL path elements. */
export const MANIFEST_ID_BYTES_MAX = 1024;
/** A stock token has 32 bytes and an id of 8 characters; ours 32 and 32. */
const TOKEN_BYTES_MAX = 256;
const SESSION_ID_CHARS_MAX = 256;
/** Longest text of a storage description; an S3 policy is the longest with about 700 characters. */
const STORAGE_TEXT_CHARS_MAX = 8_192;

/** A gateway's session token. The token is opaque to everybody but its maker. */
export interface AuthToken {
  readonly token: Uint8Array;
  readonly sessionId: string;
  /** Unix seconds. */
  readonly expiration: bigint;
}

/** An object store of the gateway into which results are to be uploaded. */
export interface ObjectStore {
  readonly type: 's3' | 'google';
  readonly host: string;
  readonly key: string;
  readonly policy: string;
  readonly signature: string;
  readonly credential: string;
  readonly xAmzDate: string;
}

/** One segment as its gateway describes it. */
export interface Segment {
  /** Bytes of the stream's name: signed, shown to nobody, never a path. */
  readonly manifestId: Uint8Array;
  readonly seq: bigint;
  /** keccak-256 of the segment's bytes: 32 bytes, zero in a task for a worker. */
  readonly hash: Uint8Array;
  /** 1 to 10. */
  readonly profiles: readonly VideoProfile[];
  /** 65 bytes over {@link flatten}; empty off-chain and in a task. */
  readonly sig: Uint8Array;
  /** 1 to 300,000. */
  readonly durationMs: number;
  readonly caps: JobCapabilities;
  readonly authToken?: AuthToken | undefined;
  readonly calcPerceptualHash: boolean;
  readonly storage?: ObjectStore | undefined;
  /** Part of the segment to transcode, from its start. */
  readonly clip?: { readonly fromMs: number; readonly toMs: number } | undefined;
  readonly forceSessionReinit: boolean;
}

/** A decoded segment, or the status and body that refuse it. */
export type SegmentOutcome =
  | { readonly ok: true; readonly segment: Segment }
  | { readonly ok: false; readonly status: 403; readonly text: string };

/**
 * Reads a `Livepeer-Segment` header: rows 3 to 5 of the stock checks, in their order (encoding,
 * message, profiles, duration), and after them limits of our own. Never throws.
 * Wire: go-livepeer server/segment_rpc.go:verifySegCreds, server/rpc.go:coreSegMetadata.
 */
export function decodeSegment(header: string): SegmentOutcome {
  if (header.length > SEGMENT_HEADER_CHARS_MAX) return refused(segmentTexts.encoding);
  const bytes = parseBase64(header);
  if (bytes === undefined) return refused(segmentTexts.encoding);
  let message: SegData;
  try {
    message = fromBinary(SegDataSchema, bytes, { readUnknownFields: false });
  } catch {
    return refused(segmentTexts.malformed);
  }
  return readSegData(message);
}

/** Reads the message inside a segment header or a task, with the same rules. Never throws. */
export function readSegData(message: SegData): SegmentOutcome {
  const list = filledList(message);
  if (list.length === 0) return refused(inputTexts.profile);
  if (list.length > PROFILES_MAX) return refused(inputTexts.tooManyOutputs);
  const profiles: VideoProfile[] = [];
  for (const item of list) {
    const outcome = decodeProfile(item);
    if (!outcome.ok) return refused(outcome.text);
    profiles.push(outcome.profile);
  }
  if (message.duration < 0 || message.duration > DURATION_MS_MAX) {
    return refused(segmentTexts.duration);
  }
  if (!manifestIdIsSafe(message.manifestId)) return refused(inputTexts.invalidArgument);

  const clip = readClip(message);
  if (clip === 'invalid') return refused(taskTexts.invalidClip);
  const storage = readStorage(message.storage[0]);
  if (storage === 'invalid') return refused(inputTexts.invalidArgument);
  const token = message.authToken;
  if (
    token &&
    (token.token.length > TOKEN_BYTES_MAX || token.sessionId.length > SESSION_ID_CHARS_MAX)
  ) {
    return refused(segmentTexts.tokenInvalid);
  }

  const { bits, words, minVersion } = readCapabilities(message.capabilities);
  const segment: Segment = {
    manifestId: message.manifestId,
    seq: message.seq,
    hash: fixedBytes(message.hash, 32),
    profiles,
    sig: message.sig,
    durationMs: message.duration === 0 ? DURATION_MS_DEFAULT : message.duration,
    caps: { bits, words, minVersion },
    authToken: token && {
      token: token.token,
      sessionId: token.sessionId,
      expiration: token.expiration,
    },
    calcPerceptualHash: message.calcPerceptualHash,
    storage,
    clip,
    forceSessionReinit: message.ForceSessionReinit,
  };
  return { ok: true, segment };
}

function refused(text: string): SegmentOutcome {
  return { ok: false, status: 403, text };
}

/** The first list with something in it, newest first. */
function filledList(message: SegData): readonly VideoProfileMessage[] {
  if (message.fullProfiles3.length > 0) return message.fullProfiles3;
  return message.fullProfiles2.length > 0 ? message.fullProfiles2 : message.fullProfiles;
}

/** Nobody makes a path of it; what looks like an attempt at one is refused all the same. */
function manifestIdIsSafe(id: Uint8Array): boolean {
  if (id.length > MANIFEST_ID_BYTES_MAX || id.includes(0)) return false;
  const text = Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1');
  return !/(?:^|[/\\])\.\.(?:[/\\]|$)/.test(text);
}

function readClip(message: SegData): Segment['clip'] | 'invalid' {
  const parameters = message.segmentParameters;
  if (!parameters) return undefined;
  const { from, to } = parameters;
  if (to < from || to > BigInt(Number.MAX_SAFE_INTEGER)) return 'invalid';
  return { fromMs: Number(from), toMs: Number(to) };
}

/** An external store; undefined for none, and for types that nobody uploads to. */
function readStorage(store: OSInfo | undefined): ObjectStore | undefined | 'invalid' {
  const type = store?.storageType;
  if (type !== OSInfo_StorageType.S3 && type !== OSInfo_StorageType.GOOGLE) return undefined;
  const s3 = store?.s3info; // a peer may leave it out
  if (!s3 || s3.host === '') return 'invalid';
  const { host, key, policy, signature, credential, xAmzDate } = s3;
  const texts = [host, key, policy, signature, credential, xAmzDate];
  if (texts.some((text) => text.length > STORAGE_TEXT_CHARS_MAX)) return 'invalid';
  const name = type === OSInfo_StorageType.S3 ? 's3' : 'google';
  return { type: name, host, key, policy, signature, credential, xAmzDate };
}

/** Writes a `Livepeer-Segment` header as a gateway does. Wire: core/streamdata.go:NetSegData. */
export function encodeSegment(segment: Segment): string {
  return Buffer.from(toBinary(SegDataSchema, writeSegData(segment, 'gateway'))).toString('base64');
}

/**
 * Writes the message. For a worker the hash is zero, signature and storage are absent, colours are
 * lost and capacities are filled in: what a stock orchestrator sends on.
 */
export function writeSegData(segment: Segment, from: 'gateway' | 'orchestrator'): SegData {
  const onwards = from === 'orchestrator';
  const profiles = segment.profiles.map((profile) => encodeProfile(profile, { colour: !onwards }));
  const { clip, storage, caps, authToken } = segment;
  return create(SegDataSchema, {
    manifestId: segment.manifestId,
    seq: segment.seq,
    hash: onwards ? new Uint8Array(32) : segment.hash,
    profiles: PROFILES_UNUSED,
    sig: onwards ? new Uint8Array(0) : segment.sig,
    duration: segment.durationMs,
    capabilities: writeCapabilities({
      bits: caps.bits,
      minVersion: caps.minVersion,
      ...(onwards ? { capacities: 'one_each' as const } : {}),
    }),
    ...(authToken ? { authToken } : {}),
    calcPerceptualHash: segment.calcPerceptualHash,
    storage: storage && !onwards ? [writeStorage(storage)] : [],
    [profileListFor(segment.profiles)]: profiles,
    ...(clip ? { segmentParameters: { from: BigInt(clip.fromMs), to: BigInt(clip.toMs) } } : {}),
    ForceSessionReinit: segment.forceSessionReinit,
  });
}

/** The field of old versions holds this word in every message of new ones. */
export const PROFILES_UNUSED: Uint8Array = Buffer.from('invalid', 'latin1');

function writeStorage(storage: ObjectStore) {
  const { host, key, policy, signature, credential, xAmzDate } = storage;
  return {
    storageType: storage.type === 's3' ? OSInfo_StorageType.S3 : OSInfo_StorageType.GOOGLE,
    s3info: { host, key, policy, signature, credential, xAmzDate },
  };
}

/** What {@link flatten} reads of a segment. */
export type SignedPart = Pick<Segment, 'manifestId' | 'seq' | 'hash' | 'profiles'>;

/**
 * The bytes that a gateway signs: manifest id, absolute seq (32 bytes, big endian), hash, and the
 * ids of the profiles. Wire: go-livepeer core/streamdata.go:Flatten.
 */
export function flatten(segment: SignedPart): Uint8Array {
  const { manifestId, seq, hash, profiles } = segment;
  const ids = profiles.map((profile) => profileId(profile.name)).join('');
  const flat = Buffer.alloc(manifestId.length + 64 + ids.length);
  flat.set(manifestId);
  flat.writeBigUInt64BE(seq < 0n ? -seq : seq, manifestId.length + 24);
  flat.set(fixedBytes(hash, 32), manifestId.length + 32);
  flat.write(ids, manifestId.length + 64, 'latin1');
  return flat;
}

/** Ids of names seen lately. A ladder's names recur with every segment of its stream. */
const profileIds = new Map<string, string>();
const PROFILE_IDS_MAX = 1_000;

/** First 4 bytes of keccak-256 of the name, as 8 hex digits. */
export function profileId(name: string): string {
  const known = profileIds.get(name);
  if (known !== undefined) return known;
  const id = Buffer.from(keccak256(Buffer.from(name, 'utf8')).subarray(0, 4)).toString('hex');
  if (profileIds.size >= PROFILE_IDS_MAX) profileIds.clear();
  profileIds.set(name, id);
  return id;
}
