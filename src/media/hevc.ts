import { type BitReader, bitReader } from './bits.ts';
import { type NalCounter, pictureTally } from './picture-count.ts';

/** Level 6.2 ends at 8,192; FFmpeg takes twice that. */
const SIDE_MAX = 16_384;

interface Sps {
  readonly width: number;
  readonly height: number;
}

interface Pps {
  readonly sps: number;
  readonly outputFlagPresent: boolean;
  readonly extraSliceBits: number;
}

const RASL_N = 8;
const RASL_R = 9;
const BLA_FIRST = 16;
const CRA = 21;
const IRAP_LAST = 23;
const SPS = 33;
const PPS = 34;
const END_OF_SEQUENCE = 36;
const END_OF_BITSTREAM = 37;

/** Counts HEVC pictures as FFmpeg's decoder delivers them. */
export function hevcCounter(): NalCounter {
  const bits = bitReader();
  const tally = pictureTally();
  const spsById = new Map<number, Sps>();
  const ppsById = new Map<number, Pps>();
  /** The next IRAP picture starts a sequence: its leading pictures cannot be decoded. */
  let sequenceStarts = true;
  let skipLeading = false;
  let begun = false;

  const slice = (bytes: Uint8Array, start: number, end: number, time: number) => {
    const type = ((bytes[start] as number) >> 1) & 63;
    const irap = type >= BLA_FIRST && type <= IRAP_LAST;
    bits.start(bytes, start + 2, end);
    if (bits.flag()) {
      if (irap) bits.skip(1);
      const pps = ppsById.get(bits.ue());
      const sps = pps && spsById.get(pps.sps);
      if (!pps || !sps || bits.overrun) return tally.bad();
      bits.skip(pps.extraSliceBits);
      bits.ue();
      const output = pps.outputFlagPresent ? bits.flag() : true;
      if (irap) {
        skipLeading = type !== CRA || sequenceStarts;
        sequenceStarts = false;
        begun = true;
      }
      const leading = type === RASL_N || type === RASL_R;
      const shown = begun && output && !(leading && skipLeading);
      tally.picture({ width: sps.width, height: sps.height, key: irap, shown, time });
    }
    tally.slice(bytes, start, end);
  };

  return {
    nal(bytes, start, end, time) {
      if (end - start < 3) return;
      const type = ((bytes[start] as number) >> 1) & 63;
      const layer = (((bytes[start] as number) & 1) << 5) | ((bytes[start + 1] as number) >> 3);
      if (layer !== 0) return;
      if (type <= RASL_R || (type >= BLA_FIRST && type <= CRA)) {
        slice(bytes, start, end, time);
      } else if (type === SPS) {
        bits.start(bytes, start + 2, end);
        const read = readSps(bits);
        if (read) spsById.set(read.id, read.sps);
        else tally.bad();
      } else if (type === PPS) {
        bits.start(bytes, start + 2, end);
        const id = bits.ue();
        const sps = bits.ue();
        bits.skip(1);
        const outputFlagPresent = bits.flag();
        const extraSliceBits = bits.u(3);
        if (id < 64 && sps < 16 && !bits.overrun) {
          ppsById.set(id, { sps, outputFlagPresent, extraSliceBits });
        } else tally.bad();
      } else if (type === END_OF_SEQUENCE || type === END_OF_BITSTREAM) {
        sequenceStarts = true;
      }
    },
    end: tally.end,
    get tally() {
      return tally.tally;
    },
    get hasParameterSets() {
      return spsById.size > 0 && ppsById.size > 0;
    },
  };
}

function readSps(bits: BitReader): { readonly id: number; readonly sps: Sps } | undefined {
  bits.skip(4);
  const subLayers = bits.u(3);
  bits.skip(1);
  skipProfileTierLevel(bits, subLayers);
  const id = bits.ue();
  const chroma = bits.ue();
  if (chroma > 3 || id > 15) return undefined;
  if (chroma === 3) bits.skip(1);
  const codedWidth = bits.ue();
  const codedHeight = bits.ue();
  let width = codedWidth;
  let height = codedHeight;
  if (bits.flag()) {
    const unitX = chroma === 1 || chroma === 2 ? 2 : 1;
    const unitY = chroma === 1 ? 2 : 1;
    width -= unitX * (bits.ue() + bits.ue());
    height -= unitY * (bits.ue() + bits.ue());
  }
  if (bits.overrun || codedWidth > SIDE_MAX || codedHeight > SIDE_MAX) return undefined;
  if (width < 1 || height < 1) return undefined;
  return { id, sps: { width, height } };
}

function skipProfileTierLevel(bits: BitReader, subLayers: number): void {
  bits.skip(88);
  bits.skip(8);
  const present: { readonly profile: boolean; readonly level: boolean }[] = [];
  for (let layer = 0; layer < subLayers; layer += 1) {
    present.push({ profile: bits.flag(), level: bits.flag() });
  }
  if (subLayers > 0) bits.skip(2 * (8 - subLayers));
  for (const { profile, level } of present) {
    if (profile) bits.skip(88);
    if (level) bits.skip(8);
  }
}
