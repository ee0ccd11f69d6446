import { type BitReader, bitReader } from './bits.ts';
import { type NalCounter, pictureTally } from './picture-count.ts';

/** Level 6.2 ends at 16,384 samples a side; larger is nonsense or an attack on arithmetic. */
const SIDE_MAX = 16_384;

export interface Sps {
  readonly width: number;
  readonly height: number;
  readonly frameMbsOnly: boolean;
  readonly separatePlanes: boolean;
  readonly frameNumBits: number;
  readonly pocType: number;
  readonly pocBits: number;
}

interface Pps {
  readonly sps: number;
}

const SLICE = 1;
const PARTITION_A = 2;
const IDR = 5;
const SEI = 6;
const SPS = 7;
const PPS = 8;

/**
 * Counts H.264 pictures as FFmpeg's decoder delivers them: two fields of one frame are one frame,
 * pictures before the first IDR or recovery point are not delivered.
 */
export function h264Counter(): NalCounter {
  const bits = bitReader();
  const tally = pictureTally();
  const spsById = new Map<number, Sps>();
  const ppsById = new Map<number, Pps>();
  /** The first field of a frame whose second one may follow. */
  let field: { readonly frameNum: number; readonly bottom: boolean } | undefined;
  const recovery = createRecovery();

  const slice = (bytes: Uint8Array, start: number, end: number, time: number) => {
    const header = bytes[start] as number;
    const idr = (header & 31) === IDR;
    bits.start(bytes, start + 1, end);
    const firstMacroblock = bits.ue();
    if (firstMacroblock === 0) {
      const sliceType = bits.ue() % 5;
      const sps = spsById.get(ppsById.get(bits.ue())?.sps ?? -1);
      if (!sps || bits.overrun) return tally.bad();
      const at = position(bits, sps, idr);
      if (bits.overrun) return tally.bad();
      const second =
        at.field && field && field.frameNum === at.frameNum && field.bottom !== at.bottom;
      field = at.field && !second ? at : undefined;
      if (!second) {
        const shown = recovery.shown({
          idr,
          reference: (header & 0x60) !== 0,
          intra: sliceType === 2 || sliceType === 4,
          frameNum: at.frameNum,
          frameNumBits: sps.frameNumBits,
          poc: at.poc,
          pocBits: sps.pocBits,
        });
        tally.picture({ width: sps.width, height: sps.height, key: idr, shown, time });
      }
    }
    tally.slice(bytes, start, end);
  };

  return {
    nal(bytes, start, end, time) {
      const type = (bytes[start] as number) & 31;
      if (type === SLICE || type === IDR || type === PARTITION_A) {
        slice(bytes, start, end, time);
      } else if (type === SPS) {
        bits.start(bytes, start + 1, end);
        const sps = readSps(bits);
        if (sps) spsById.set(sps.id, sps.sps);
        else tally.bad();
      } else if (type === PPS) {
        bits.start(bytes, start + 1, end);
        const id = bits.ue();
        const sps = bits.ue();
        if (id < 256 && sps < 32 && !bits.overrun) ppsById.set(id, { sps });
        else tally.bad();
      } else if (type === SEI && !recovery.settled) {
        bits.start(bytes, start + 1, end);
        recovery.sei(bits);
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

function position(bits: BitReader, sps: Sps, idr: boolean) {
  if (sps.separatePlanes) bits.skip(2);
  const frameNum = bits.u(sps.frameNumBits);
  const field = !sps.frameMbsOnly && bits.flag();
  const bottom = field && bits.flag();
  if (idr) bits.ue();
  const poc = sps.pocType === 0 ? bits.u(sps.pocBits) : undefined;
  return { frameNum, field, bottom, poc };
}

interface RecoveryPicture {
  readonly idr: boolean;
  readonly reference: boolean;
  readonly intra: boolean;
  readonly frameNum: number;
  readonly frameNumBits: number;
  readonly poc: number | undefined;
  readonly pocBits: number;
}

/**
 * Which pictures a decoder delivers that starts in the middle of a stream. After an IDR picture:
 * all. After a recovery point: from its frame on, save those shown before it.
 */
function createRecovery() {
  let settled = false;
  let announced: number | undefined;
  let target: number | undefined;
  let since: { readonly poc: number | undefined } | undefined;

  return {
    get settled() {
      return settled;
    },
    sei(bits: BitReader) {
      // At most 64 messages: a real unit has a handful.
      for (let count = 0; count < 64 && !bits.overrun; count += 1) {
        let type = 0;
        let size = 0;
        let byte = 255;
        while (byte === 255 && !bits.overrun) type += byte = bits.u(8);
        byte = 255;
        while (byte === 255 && !bits.overrun) size += byte = bits.u(8);
        if (bits.overrun) return;
        if (type === 6) {
          announced = bits.ue();
          return;
        }
        bits.skip(size * 8);
      }
    },
    shown(picture: RecoveryPicture): boolean {
      if (settled) return true;
      if (picture.idr) {
        settled = true;
        return true;
      }
      if (since) {
        // Leading pictures are shown before the recovery point and refer beyond it. They come
        // before every other picture that follows it.
        const half = 2 ** (picture.pocBits - 1);
        const ahead = ((picture.poc ?? 0) - (since.poc ?? 0) + 2 * half) % (2 * half);
        settled = since.poc === undefined || ahead < half;
        return settled;
      }
      if (announced !== undefined) {
        target = (picture.frameNum + announced) % 2 ** picture.frameNumBits;
        announced = undefined;
      }
      if (target !== undefined && picture.frameNum === target && picture.reference) {
        since = { poc: picture.poc };
        return true;
      }
      return false;
    },
  };
}

const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

/** Reads a sequence parameter set up to its cropping; undefined when it is not a sound one. */
function readSps(bits: BitReader): { readonly id: number; readonly sps: Sps } | undefined {
  const profile = bits.u(8);
  bits.skip(16);
  const id = bits.ue();
  let chroma = 1;
  let separatePlanes = false;
  if (HIGH_PROFILES.has(profile)) {
    chroma = bits.ue();
    if (chroma > 3) return undefined;
    if (chroma === 3) separatePlanes = bits.flag();
    bits.ue();
    bits.ue();
    bits.skip(1);
    if (bits.flag()) skipScalingLists(bits, chroma === 3 ? 12 : 8);
  }
  const frameNumBits = bits.ue() + 4;
  const pocType = bits.ue();
  let pocBits = 0;
  if (pocType === 0) pocBits = bits.ue() + 4;
  else if (pocType === 1) {
    bits.skip(1);
    bits.se();
    bits.se();
    const cycle = bits.ue();
    if (cycle > 255) return undefined;
    for (let index = 0; index < cycle; index += 1) bits.se();
  }
  bits.ue();
  bits.skip(1);
  const columns = bits.ue() + 1;
  const rows = bits.ue() + 1;
  const frameMbsOnly = bits.flag();
  if (!frameMbsOnly) bits.skip(1);
  bits.skip(1);
  const crop = { left: 0, right: 0, top: 0, bottom: 0 };
  if (bits.flag()) {
    crop.left = bits.ue();
    crop.right = bits.ue();
    crop.top = bits.ue();
    crop.bottom = bits.ue();
  }
  if (bits.overrun || id > 31 || frameNumBits > 16 || pocBits > 16 || pocType > 2) return undefined;
  const planes = separatePlanes ? 0 : chroma;
  const unitX = planes === 1 || planes === 2 ? 2 : 1;
  const unitY = (planes === 1 ? 2 : 1) * (frameMbsOnly ? 1 : 2);
  const fullHeight = rows * 16 * (frameMbsOnly ? 1 : 2);
  const width = columns * 16 - unitX * (crop.left + crop.right);
  const height = fullHeight - unitY * (crop.top + crop.bottom);
  if (width < 1 || height < 1 || columns * 16 > SIDE_MAX || fullHeight > SIDE_MAX) return undefined;
  const sps = { width, height, frameMbsOnly, separatePlanes, frameNumBits, pocType, pocBits };
  return { id, sps };
}

function skipScalingLists(bits: BitReader, lists: number): void {
  for (let list = 0; list < lists; list += 1) {
    if (!bits.flag()) continue;
    let last = 8;
    let next = 8;
    const size = list < 6 ? 16 : 64;
    for (let index = 0; index < size && !bits.overrun; index += 1) {
      if (next !== 0) next = (last + bits.se() + 256) % 256;
      if (next !== 0) last = next;
    }
  }
}
