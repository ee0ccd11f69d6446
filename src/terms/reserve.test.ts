import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  logGamma,
  lundbergExponent,
  reserveFor,
  ruinProbability,
  type TicketRisk,
} from './reserve.ts';
import { seededUniform, simulatedReserve } from './reserve-simulation.ts';

/** The bound of the promise: formula and simulation within 2 % of each other. */
const AGREE = 0.02;

const cases: readonly (TicketRisk & { readonly ruin: number; readonly runs: number })[] = [
  { winProbability: 1e-3, payShare: 0.8, tickets: Infinity, ruin: 0.01, runs: 60_000 },
  { winProbability: 0.05, payShare: 0.9, tickets: Infinity, ruin: 0.05, runs: 25_000 },
  { winProbability: 1e-5, payShare: 0.5, tickets: Infinity, ruin: 0.02, runs: 100_000 },
  // A rate as high as the price: only so many tickets can be insured.
  { winProbability: 1e-3, payShare: 1, tickets: 200_000, ruin: 0.01, runs: 60_000 },
  { winProbability: 0.02, payShare: 1.1, tickets: 10_000, ruin: 0.01, runs: 60_000 },
  { winProbability: 1e-4, payShare: 0.95, tickets: 1_000_000, ruin: 0.05, runs: 60_000 },
];

for (const { ruin, runs, ...risk } of cases) {
  const { winProbability, payShare, tickets } = risk;
  test(`a reserve for ${tickets} tickets of ${winProbability}, paying ${payShare}, is as simulated`, () => {
    const formula = reserveFor(risk, ruin);
    const simulated = simulatedReserve(risk, ruin, { runs, uniform: seededUniform(20_261_121) });
    const apart = Math.abs(formula / simulated - 1);
    assert.ok(apart <= AGREE, `${formula} against ${simulated}: ${apart}`);
  });
}

test('the reserve has the ruin probability that it was asked for', () => {
  for (const { ruin, ...risk } of cases) {
    const probability = ruinProbability(risk, reserveFor(risk, ruin));
    assert.ok(Math.abs(probability / ruin - 1) < 1e-6, `${probability} of ${ruin}`);
  }
});

test('Brownian motion goes on where counting wins ends', () => {
  const risk = { winProbability: 1e-3, payShare: 0.999 };
  const exact = reserveFor({ ...risk, tickets: 0.999e8 }, 0.01);
  const normal = reserveFor({ ...risk, tickets: 1.001e8 }, 0.01);
  assert.ok(Math.abs(normal / exact - 1) < 0.01, `${normal} after ${exact}`);
});

test('more time, a higher rate or rarer ruin need more; for ever at a loss nothing is enough', () => {
  const risk = { winProbability: 1e-3, payShare: 0.9, tickets: 1e6 };
  const base = reserveFor(risk, 0.01);
  assert.ok(reserveFor({ ...risk, tickets: 2e6 }, 0.01) > base);
  assert.ok(reserveFor({ ...risk, payShare: 0.95 }, 0.01) > base);
  assert.ok(reserveFor(risk, 0.001) > base);
  assert.throws(() => reserveFor({ ...risk, payShare: 1, tickets: Infinity }, 0.01), /no reserve/);
  assert.throws(() => reserveFor({ ...risk, winProbability: 0 }, 0.01), RangeError);
});

test('the exponent and the gamma function are what they are defined as', () => {
  const risk = { winProbability: 0.25, payShare: 0.5, tickets: Infinity };
  const r = lundbergExponent(risk);
  assert.ok(Math.abs(Math.exp(0.125 * r) * (0.75 + 0.25 * Math.exp(-r)) - 1) < 1e-12);
  assert.ok(Math.abs(logGamma(11) - Math.log(3_628_800)) < 1e-12);
  assert.ok(Math.abs(logGamma(0.5) - Math.log(Math.PI) / 2) < 1e-12);
});
