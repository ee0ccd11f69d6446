/**
 * Every error text of the Livepeer wire that we send or act on. Stock peers compare some of them
 * byte by byte, so they are constants and nothing is ever added to them.
 * Wire: go-livepeer server/rpc.go, server/segment_rpc.go, server/ot_rpc.go, core/orchestrator.go.
 */

/** Why `/segment` or GetOrchestrator says no before a transcode starts. */
export const segmentTexts = {
  /** 402: followed by the reason. */
  paymentBase64: 'base64 decode error: ',
  /** 402: followed by the reason. */
  paymentProtobuf: 'protobuf unmarshal error: ',
  encoding: 'ErrorSegEncoding',
  malformed: 'proto: cannot parse invalid wire-format data',
  format: 'unrecognized profile output format',
  encoderProfile: 'unrecognized encoder profile',
  codec: 'unrecognized video codec',
  duration: 'invalid duration',
  signature: 'ErrSegSig',
  incompatible: 'incompatible capabilities',
  tokenMissing: 'missing auth token',
  tokenInvalid: 'invalid auth token',
  tokenExpired: 'expired auth token',
  capped: 'OrchestratorCapped',
  balance: 'Insufficient balance',
  internal: 'Internal Server Error',
  badRequest: 'BadRequest',
  forbidden: 'Forbidden',
  notFound: 'ErrNotFound',
} as const;

/** gRPC messages of the Orchestrator service (code UNKNOWN). */
export const orchestratorTexts = {
  signature: 'Invalid orchestrator request: orchestrator req sig check failed',
  capped: 'Invalid orchestrator request: OrchestratorCapped',
  /** Followed by what the operator's webhook said. */
  denied: 'authentication failed: ',
  /** EndTranscodingSession; `/segment` spells it in lower case. */
  tokenInvalid: 'Invalid auth token',
} as const;

/** What `/refresh-payment` says in the `error.message` of its JSON. */
export const refreshTexts = {
  sender: 'invalid sender',
  manifest: 'missing manifest_id',
  noPrice: 'fixed price not found for session',
} as const;

/** gRPC messages of RegisterTranscoder. Both stop a stock transcoder for good. */
export const registerTexts = {
  secret: 'invalid secret',
  capacity: 'zero capacity',
} as const;

/** Bodies of `/transcodeResults`. */
export const postTexts = {
  ok: 'OK',
  unauthorized: 'Unauthorized',
  mediaType: 'mime: no media type',
  taskId: 'Invalid Task ID',
  pixels: 'Invalid Pixels',
  perceptualHash: 'Unknown perceptual hash',
} as const;

/** What `TranscodeResult.error` says when the orchestrator itself failed the segment. */
export const resultTexts = {
  busy: 'OrchestratorBusy',
  capped: 'OrchestratorCapped',
  unavailable: 'ErrTranscoderUnavailable',
  mismatched: 'MismatchedSegments',
  zero: 'ZeroSegments',
  noTranscoders: 'no transcoders available',
  noCapable: 'no transcoders can provide requested capabilities',
  tookTooLong: 'Remote transcoder took too long',
  sessionEnded: 'Session ended',
} as const;

/** What a transcoder posts when it could not start on a task. */
export const taskTexts = {
  empty: 'empty seg data',
  incompatible: 'incompatible segment capabilities',
  mismatch: 'segment / profile mismatch',
  busy: 'TranscoderBusy',
  stopped: 'TranscoderStopped',
  interrupted: 'execution interrupted',
  invalidInput: 'TranscoderInvalidInput',
  invalidClip: 'TranscoderInvalidClipConfig',
  invalidDuration: 'TranscoderInvalidDuration',
} as const;

/**
 * Texts that blame the input. A gateway that reads one ends its attempts and keeps the
 * orchestrator; any other text suspends it. Wire: lpms ffmpeg/ffmpeg_errors.go.
 */
export const inputTexts = {
  pixelFormat: 'Unsupported input pixel format',
  filtergraph: 'Error initializing filtergraph',
  tooManyOutputs: 'Too many outputs',
  inputCodec: 'Unsupported input codec',
  noKeyframes: 'No keyframes in input',
  unrecoverable: 'Unrecoverable state, restart process',
  runaway: 'Encoded frames runaway',
  decoderMissing: 'Decoder not found',
  demuxerMissing: 'Demuxer not found',
  encoderMissing: 'Encoder not found',
  muxerMissing: 'Muxer not found',
  optionMissing: 'Option not found',
  invalidArgument: 'Invalid argument',
  resolution: 'TranscoderInvalidResolution',
  video: 'TranscoderInvalidVideo',
  format: 'TranscoderUnrecognizedFormat',
  profile: 'TranscoderUnrecognizedProfile',
  gop: 'TranscoderInvalidGOP',
  devices: 'TranscoderIncompatibleDevices',
} as const;

const nonRetryable: ReadonlySet<string> = new Set(Object.values(inputTexts));

/**
 * Whether a gateway takes this text as "the input is bad": it must reach the gateway unchanged, and
 * trying the segment elsewhere is of little use. The match is exact, as in the stock gateway.
 */
export function isNonRetryable(text: string): boolean {
  return nonRetryable.has(text);
}

/** Longest error text of a worker that is passed on; the known ones have less than 50 characters. */
const ERROR_TEXT_CHARS_MAX = 512;

/**
 * A worker's error text made fit for a gateway and for logs: one line without control characters,
 * of bounded length. Texts of the lists above come through unchanged.
 */
export function cleanErrorText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what has to go
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
  return line.slice(0, ERROR_TEXT_CHARS_MAX).toWellFormed();
}
