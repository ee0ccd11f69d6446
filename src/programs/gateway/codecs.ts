import type { Inspection } from '../../media/inspection.ts';

/** The parameter sets stand before the first picture, which starts within the first packets. */
const SEARCHED_BYTES = 64 * 1024;
/** NAL unit type of an H.264 sequence parameter set. */
const SPS = 7;

/**
 * The RFC 6381 names of what an MPEG-TS segment holds, for the CODECS attribute of a master
 * playlist. Empty when one of the streams has no name that we know: half a list is wrong, none is
 * merely unhelpful.
 */
export function codecNames(inspection: Inspection, firstBytes: Uint8Array): readonly string[] {
  const { video, audio } = inspection;
  if (video?.codec !== 'h264') return [];
  const picture = avcName(firstBytes);
  const sound = audio && AUDIO_NAMES[audio.codec];
  if (!picture || (audio && !sound)) return [];
  return sound ? [picture, sound] : [picture];
}

/** AAC in MPEG-TS says LC in its header even where a player finds more. */
const AUDIO_NAMES: Readonly<Record<string, string>> = {
  aac: 'mp4a.40.2',
  mp3: 'mp4a.40.34',
  ac3: 'ac-3',
};

/** `avc1.PPCCLL`: profile, constraints and level of the first sequence parameter set. */
function avcName(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, SEARCHED_BYTES));
  for (let at = head.indexOf(START_CODE); at >= 0; at = head.indexOf(START_CODE, at + 1)) {
    const header = head[at + 3] ?? 0xff;
    // The top bit is zero in a NAL unit and one in a PES stream id.
    if ((header & 0x80) !== 0 || (header & 0x1f) !== SPS) continue;
    const facts = head.subarray(at + 4, at + 7);
    if (facts.length === 3) return `avc1.${facts.toString('hex')}`;
  }
  return undefined;
}

const START_CODE = Buffer.from([0, 0, 1]);
