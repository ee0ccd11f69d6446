import {
  compilePermutations,
  LANE_BLOCKS,
  laneAt,
  RATE_BYTES,
  STATE_WORDS,
  STATES_AT,
  type Width,
} from './keccak-wasm.ts';

/** Inputs taken in side by side at the most. */
export const WIDTH_MAX = 4;

/** One input under way. Its pieces are read in place when their turn comes, so leave them be. */
export interface KeccakLane {
  push(bytes: Uint8Array): void;
  /** Nothing more comes: {@link KeccakLanes.step} will bring the hash. */
  end(): void;
}

/** keccak-256 of many inputs at once: four side by side take half the time of one by one. */
export interface KeccakLanes {
  /** `done` gets the 32 bytes. */
  open(done: (hash: Uint8Array) => void): KeccakLane;
  /** Forgets an input. */
  drop(lane: KeccakLane): void;
  /**
   * Takes up to 64 KB of each of up to four inputs, 0.25 ms; false when nothing is left to do for
   * now.
   */
  step(): boolean;
  /** Inputs with something to do. */
  readonly waiting: number;
  /** What there is to do of the input that has waited longest. */
  readonly backlogBytes: number;
  /** Says that the inputs with something to do have waited long enough for others beside them. */
  ripen(): void;
  /** Whether one of those has still something of it to do. */
  readonly ripe: boolean;
}

interface Lane extends KeccakLane {
  /** Halves of words. */
  readonly state: Uint32Array;
  readonly pieces: Uint8Array[];
  /** Bytes of the pieces. */
  left: number;
  /** Of a block that is not whole yet. */
  readonly partial: Uint8Array;
  partialBytes: number;
  ended: boolean;
  /** The end of the input has been written. */
  padded: boolean;
  ripe: boolean;
  readonly done: (hash: Uint8Array) => void;
}

/** Creates the memory that all inputs take turns in; they belong to the calling thread. */
export function createKeccakLanes(): KeccakLanes {
  const { memory, absorb } = compilePermutations();
  const bytes = new Uint8Array(memory);
  const states = new Uint32Array(memory, STATES_AT);
  /** Inputs with something to do, the longest waiting first. */
  const waiting = new Set<Lane>();

  /** Moves so many blocks of an input into place; of what is left, less than a block is kept. */
  function fill(lane: Lane, at: number, blocks: number): void {
    const wanted = blocks * RATE_BYTES;
    bytes.set(lane.partial.subarray(0, lane.partialBytes), at);
    let filled = lane.partialBytes;
    while (filled < wanted && lane.left > 0) {
      const [piece] = lane.pieces as [Uint8Array];
      const taken = piece.subarray(0, wanted - filled);
      bytes.set(taken, at + filled);
      filled += taken.length;
      lane.left -= taken.length;
      if (taken.length === piece.length) lane.pieces.shift();
      else lane.pieces[0] = piece.subarray(taken.length);
    }
    lane.partialBytes = 0;
    if (filled < wanted) pad(lane, at + filled, at + wanted);
    else if (lane.left < RATE_BYTES) keep(lane);
  }

  function pad(lane: Lane, from: number, to: number): void {
    bytes.fill(0, from, to);
    // Keccak's own padding; that of SHA3-256 begins with 6.
    bytes[from] = 1;
    bytes[to - 1] = (bytes[to - 1] as number) | 0x80;
    lane.padded = true;
  }

  function keep(lane: Lane): void {
    for (const piece of lane.pieces.splice(0)) {
      lane.partial.set(piece, lane.partialBytes);
      lane.partialBytes += piece.length;
    }
    lane.left = 0;
  }

  function settle(lane: Lane): void {
    waiting.delete(lane);
    lane.ripe &&= blocksOf(lane) > 0;
    if (lane.padded) lane.done(Uint8Array.from(new Uint8Array(lane.state.buffer, 0, 32)));
    else if (blocksOf(lane) > 0) waiting.add(lane); // behind the others
  }

  return {
    open(done) {
      const lane: Lane = {
        state: new Uint32Array(STATE_WORDS * 2),
        pieces: [],
        left: 0,
        partial: new Uint8Array(RATE_BYTES),
        partialBytes: 0,
        ended: false,
        padded: false,
        ripe: false,
        done,
        push(piece) {
          if (piece.length === 0) return;
          lane.pieces.push(piece);
          lane.left += piece.length;
          if (blocksOf(lane) > 0) waiting.add(lane);
        },
        end() {
          lane.ended = true;
          waiting.add(lane);
        },
      };
      return lane;
    },
    drop: (lane) => void waiting.delete(lane as Lane),
    get waiting() {
      return waiting.size;
    },
    get backlogBytes() {
      const [first] = waiting;
      return first?.left ?? 0;
    },
    ripen() {
      for (const lane of waiting) lane.ripe = true;
    },
    get ripe() {
      for (const lane of waiting) if (lane.ripe) return true;
      return false;
    },
    step() {
      const taken = firstOf(waiting, WIDTH_MAX);
      if (taken.length === 0) return false;
      const width: Width = taken.length > 2 ? 4 : (taken.length as Width);
      const blocks = Math.min(LANE_BLOCKS, ...taken.map(blocksOf));
      for (const [index, lane] of taken.entries()) {
        fill(lane, laneAt(index), blocks);
        for (let half = 0; half < lane.state.length; half++) {
          states[placeOf(half, index, width)] = lane.state[half] as number;
        }
      }
      absorb[width](blocks);
      for (const [index, lane] of taken.entries()) {
        for (let half = 0; half < lane.state.length; half++) {
          lane.state[half] = states[placeOf(half, index, width)] as number;
        }
        settle(lane);
      }
      return waiting.size > 0;
    },
  };
}

/** Where half a word of an input lies among the interleaved states. */
function placeOf(half: number, index: number, width: Width): number {
  return ((half >> 1) * width + index) * 2 + (half & 1);
}

function firstOf(lanes: ReadonlySet<Lane>, most: number): Lane[] {
  const taken: Lane[] = [];
  for (const lane of lanes) {
    if (taken.length === most) break;
    taken.push(lane);
  }
  return taken;
}

/** Whole blocks that could be taken in now, the padded one at the end among them. */
function blocksOf(lane: Lane): number {
  const whole = Math.floor((lane.partialBytes + lane.left) / RATE_BYTES);
  return lane.ended ? whole + 1 : whole;
}
