import { lundbergExponent, stepOf, type TicketRisk } from './reserve.ts';

/** Numbers from 0 to 1, 0 excluded, always the same for the same seed. */
export type Uniform = () => number;

/** xorshift128 of G. Marsaglia, seeded by splitmix32: good enough to draw tickets, not for secrets. */
export function seededUniform(seed: number): Uniform {
  let mixed = seed >>> 0;
  const next = () => {
    mixed = (mixed + 0x9e3779b9) >>> 0;
    let z = mixed;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let [x, y, z, w] = [next(), next(), next(), next() | 1];
  return () => {
    const t = x ^ (x << 11);
    [x, y, z] = [y, z, w];
    w = (w ^ (w >>> 19) ^ t ^ (t >>> 8)) >>> 0;
    return (w + 1) / 2 ** 32;
  };
}

/**
 * The reserve, in face values, that was enough in all but the given share of simulated runs: tickets
 * are drawn one winning ticket after the other. Of all time it looks at so many tickets that what
 * comes after could not matter in a million runs.
 */
export function simulatedReserve(
  risk: TicketRisk,
  ruin: number,
  how: { readonly runs: number; readonly uniform: Uniform },
): number {
  const needed = new Float64Array(how.runs);
  const lead = risk.tickets === Number.POSITIVE_INFINITY ? farAhead(risk) : Infinity;
  for (let run = 0; run < how.runs; run += 1) needed[run] = neededReserve(risk, lead, how.uniform);
  needed.sort();
  return needed[Math.min(how.runs - 1, Math.ceil(how.runs * (1 - ruin)) - 1)] as number;
}

/** The least reserve that lasts through one run. */
function neededReserve(risk: TicketRisk, lead: number, uniform: Uniform): number {
  const q = stepOf(risk);
  const logOfLoss = Math.log1p(-risk.winProbability);
  let tickets = 0;
  let wins = 0;
  let deepest = 0;
  for (;;) {
    const untilWin = Math.ceil(Math.log(uniform()) / logOfLoss);
    const at = Math.min(tickets + Math.max(1, untilWin), risk.tickets);
    // The winning ticket takes its pay before it brings its face value.
    deepest = Math.max(deepest, at * q - wins);
    if (at >= risk.tickets) return deepest;
    tickets = at;
    wins += 1;
    if (wins - tickets * q > lead - deepest) return deepest;
  }
}

/** From so far ahead a walk comes back with a probability of e^-16, one in ten million. */
function farAhead(risk: TicketRisk): number {
  return 16 / lundbergExponent(risk);
}
