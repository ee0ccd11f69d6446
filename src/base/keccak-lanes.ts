import {
  compilePermutations,
  LANE_BYTES,
  LANES_AT,
  RATE_BYTES,
  STATE_BYTES,
} from './keccak-wasm.ts';

/** One input under way. Its pieces are read in place when their turn comes, so leave them be. */
export interface KeccakLane {
  push(bytes: Uint8Array): void;
  /** Nothing more comes: {@link KeccakLanes.step} will bring the hash. */
  end(): void;
}

/** keccak-256 of many inputs at once: two of them side by side take two thirds of the time. */
export interface KeccakLanes {
  /** `done` gets the 32 bytes. */
  open(done: (hash: Uint8Array) => void): KeccakLane;
  /** Forgets an input. */
  drop(lane: KeccakLane): void;
  /** Takes 64 KB of one or two inputs, 0.2 ms; false when nothing is left to do for now. */
  step(): boolean;
}

interface Lane extends KeccakLane {
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
  readonly done: (hash: Uint8Array) => void;
}

/** Creates the memory that all inputs take turns in; they belong to the calling thread. */
export function createKeccakLanes(): KeccakLanes {
  const { memory, absorb, absorbTwo } = compilePermutations();
  const bytes = new Uint8Array(memory);
  const words = new Uint32Array(memory);
  /** Inputs with something to do, the longest waiting first. */
  const waiting = new Set<Lane>();

  /** Copies what a lane can take and returns its whole blocks; less than a block is kept. */
  function fill(lane: Lane, at: number): number {
    bytes.set(lane.partial.subarray(0, lane.partialBytes), at);
    let filled = lane.partialBytes;
    while (filled < LANE_BYTES && lane.left > 0) {
      const [piece] = lane.pieces as [Uint8Array];
      const taken = piece.subarray(0, LANE_BYTES - filled);
      bytes.set(taken, at + filled);
      filled += taken.length;
      lane.left -= taken.length;
      if (taken.length === piece.length) lane.pieces.shift();
      else lane.pieces[0] = piece.subarray(taken.length);
    }
    if (lane.ended && lane.left === 0 && filled < LANE_BYTES) {
      const blocks = Math.floor(filled / RATE_BYTES) + 1;
      bytes.fill(0, at + filled, at + blocks * RATE_BYTES);
      // Keccak's own padding; that of SHA3-256 begins with 6.
      bytes[at + filled] = 1;
      bytes[at + blocks * RATE_BYTES - 1] = (bytes[at + blocks * RATE_BYTES - 1] as number) | 0x80;
      lane.padded = true;
      return blocks;
    }
    const blocks = Math.floor(filled / RATE_BYTES);
    lane.partialBytes = filled - blocks * RATE_BYTES;
    lane.partial.set(bytes.subarray(at + blocks * RATE_BYTES, at + filled));
    return blocks;
  }

  function absorbOne(lane: Lane, at: number, blocks: number): void {
    if (blocks === 0) return;
    words.set(lane.state);
    absorb(at, blocks);
    lane.state.set(words.subarray(0, lane.state.length));
  }

  function absorbPair(first: Lane, second: Lane, blocks: number): void {
    const states = [first.state, second.state];
    for (const [lane, state] of states.entries()) {
      for (let index = 0; index < state.length; index++) {
        words[(index >> 1) * 4 + lane * 2 + (index & 1)] = state[index] as number;
      }
    }
    absorbTwo(...LANES_AT, blocks);
    for (const [lane, state] of states.entries()) {
      for (let index = 0; index < state.length; index++) {
        state[index] = words[(index >> 1) * 4 + lane * 2 + (index & 1)] as number;
      }
    }
  }

  function settle(lane: Lane): void {
    waiting.delete(lane);
    if (lane.padded) lane.done(Uint8Array.from(new Uint8Array(lane.state.buffer, 0, 32)));
    else if (hasWork(lane)) waiting.add(lane); // behind the others
  }

  return {
    open(done) {
      const lane: Lane = {
        state: new Uint32Array(STATE_BYTES / 4),
        pieces: [],
        left: 0,
        partial: new Uint8Array(RATE_BYTES),
        partialBytes: 0,
        ended: false,
        padded: false,
        done,
        push(piece) {
          if (piece.length === 0) return;
          lane.pieces.push(piece);
          lane.left += piece.length;
          if (hasWork(lane)) waiting.add(lane);
        },
        end() {
          lane.ended = true;
          waiting.add(lane);
        },
      };
      return lane;
    },
    drop: (lane) => void waiting.delete(lane as Lane),
    step() {
      const [first, second] = waiting;
      if (!first) return false;
      const blocks = fill(first, LANES_AT[0]);
      const others = second ? fill(second, LANES_AT[1]) : 0;
      const common = Math.min(blocks, others);
      if (second && common > 0) absorbPair(first, second, common);
      absorbOne(first, LANES_AT[0] + common * RATE_BYTES, blocks - common);
      if (second) absorbOne(second, LANES_AT[1] + common * RATE_BYTES, others - common);
      settle(first);
      if (second) settle(second);
      return waiting.size > 0;
    },
  };
}

function hasWork(lane: Lane): boolean {
  return lane.ended || lane.partialBytes + lane.left >= RATE_BYTES;
}
