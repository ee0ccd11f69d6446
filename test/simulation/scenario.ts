import { createChance } from './chance.ts';

/** How bad the world of one seed is. Shares are per task or per second where the name says so. */
export interface Scenario {
  readonly seed: number;
  readonly family: Family;
  readonly workers: number;
  readonly gateways: number;
  /** How long gateways send, in virtual milliseconds; then everything comes to rest. */
  readonly streamMs: number;
  readonly capacityMin: number;
  readonly capacityMax: number;
  readonly encoderLimitShare: number;
  readonly weakShare: number;
  readonly segmentsMax: number;
  readonly burstShare: number;
  readonly endedShare: number;
  readonly abandonShare: number;
  readonly streamingShare: number;
  readonly poisonShare: number;
  readonly badInputShare: number;
  readonly deathShare: number;
  readonly stallShare: number;
  readonly slowShare: number;
  readonly garbageShare: number;
  readonly errorShare: number;
  readonly liarShare: number;
  readonly brokenUploadShare: number;
  readonly duplicateShare: number;
  readonly foreignShare: number;
  readonly sendFailShare: number;
  readonly partitionsPerMinute: number;
  readonly jumpsPerMinute: number;
  readonly restartsPerMinute: number;
  readonly operatorPerMinute: number;
  readonly commitMs: number;
  readonly storeFailShare: number;
  readonly latencyMs: number;
  /** The first worker returns rubbish for so long, then is repaired. */
  readonly sickMs: number;
  /** All workers fail everything in this window. */
  readonly stormMs: readonly [number, number] | undefined;
}

export const families = [
  'calm',
  'repaired',
  'deaths',
  'storm',
  'restarts',
  'overload',
  'partitions',
  'lies',
  'many',
  'all',
] as const;
export type Family = (typeof families)[number];

/** Nothing goes wrong. */
const CALM = {
  gateways: 16,
  streamMs: 120_000,
  capacityMin: 1,
  capacityMax: 4,
  encoderLimitShare: 0,
  weakShare: 0,
  segmentsMax: 3,
  burstShare: 0,
  endedShare: 1,
  abandonShare: 0,
  streamingShare: 0.3,
  poisonShare: 0,
  badInputShare: 0,
  deathShare: 0,
  stallShare: 0,
  slowShare: 0,
  garbageShare: 0,
  errorShare: 0,
  liarShare: 0,
  brokenUploadShare: 0,
  duplicateShare: 0,
  foreignShare: 0,
  sendFailShare: 0,
  partitionsPerMinute: 0,
  jumpsPerMinute: 0,
  restartsPerMinute: 0,
  operatorPerMinute: 0,
  commitMs: 5,
  storeFailShare: 0,
  latencyMs: 20,
  sickMs: 0,
  stormMs: undefined,
} as const;

export function scenarioOf(seed: number): Scenario {
  const chance = createChance(seed * 2 + 1);
  const family = families[seed % families.length] as Family;
  const base = { ...CALM, seed, family, workers: chance.whole(4, 20) };
  switch (family) {
    case 'calm':
      // Few workers with room to spare, many short sessions: everyone must get something.
      return {
        ...base,
        workers: chance.whole(3, 6),
        gateways: 20,
        capacityMin: 8,
        capacityMax: 16,
        segmentsMax: 1,
      };
    case 'repaired':
      return {
        ...base,
        workers: chance.whole(3, 5),
        gateways: 10,
        capacityMin: 4,
        capacityMax: 8,
        segmentsMax: 1,
        sickMs: 15_000,
      };
    case 'deaths':
      return {
        ...base,
        deathShare: chance.between(0.02, 0.15),
        poisonShare: chance.between(0, 0.04),
        sendFailShare: 0.01,
        segmentsMax: 12,
        burstShare: 0.1,
        endedShare: 0.5,
      };
    case 'storm':
      return {
        ...base,
        workers: chance.whole(1, 6),
        garbageShare: 0.05,
        stormMs: [8_000, 8_000 + chance.between(2_000, 12_000)],
        segmentsMax: 2,
      };
    case 'restarts':
      return {
        ...base,
        restartsPerMinute: chance.between(3, 10),
        commitMs: chance.between(5, 150),
        storeFailShare: chance.between(0, 0.03),
        segmentsMax: 10,
        endedShare: 0.5,
      };
    case 'overload':
      return {
        ...base,
        workers: chance.whole(1, 5),
        gateways: chance.whole(10, 25),
        capacityMax: 2,
        encoderLimitShare: 0.4,
        weakShare: 0.4,
        segmentsMax: 8,
        burstShare: 0.2,
        slowShare: 0.05,
        operatorPerMinute: 6,
      };
    case 'partitions':
      return {
        ...base,
        partitionsPerMinute: chance.between(4, 30),
        jumpsPerMinute: chance.between(0, 6),
        segmentsMax: 10,
        stallShare: 0.01,
      };
    case 'lies':
      return {
        ...base,
        garbageShare: chance.between(0, 0.2),
        errorShare: chance.between(0, 0.1),
        liarShare: chance.between(0, 0.1),
        badInputShare: 0.03,
        brokenUploadShare: 0.05,
        duplicateShare: 0.2,
        foreignShare: 0.1,
        slowShare: 0.1,
        segmentsMax: 6,
      };
    case 'many':
      return {
        ...base,
        workers: seed % 50 === 8 ? 2_000 : chance.whole(100, 300),
        gateways: seed % 50 === 8 ? 600 : 120,
        streamMs: 40_000,
        weakShare: 0.3,
        encoderLimitShare: 0.2,
        deathShare: 0.03,
        stallShare: 0.02,
        garbageShare: 0.02,
        slowShare: 0.05,
        partitionsPerMinute: 20,
        operatorPerMinute: 20,
        segmentsMax: 8,
      };
    case 'all':
      return {
        ...base,
        gateways: chance.whole(6, 20),
        encoderLimitShare: 0.2,
        weakShare: 0.2,
        segmentsMax: 10,
        burstShare: 0.05,
        endedShare: 0.5,
        abandonShare: 0.03,
        poisonShare: 0.01,
        badInputShare: 0.01,
        deathShare: 0.02,
        stallShare: 0.02,
        slowShare: 0.08,
        garbageShare: 0.03,
        errorShare: 0.03,
        liarShare: 0.01,
        brokenUploadShare: 0.02,
        duplicateShare: 0.05,
        foreignShare: 0.03,
        sendFailShare: 0.01,
        partitionsPerMinute: chance.between(0, 8),
        jumpsPerMinute: chance.hits(0.5) ? chance.between(0, 4) : 0,
        restartsPerMinute: chance.between(0, 2),
        operatorPerMinute: chance.between(0, 6),
        commitMs: chance.between(2, 60),
        storeFailShare: 0.005,
        latencyMs: chance.between(2, 60),
      };
  }
}
