/**
 * A pool that pays a fixed rate while its income comes as winning tickets: each ticket takes the pay
 * for its work out of the reserve and, with a small probability, puts its face value in.
 */
export interface TicketRisk {
  /** From 0 to 1, both excluded. */
  readonly winProbability: number;
  /** The fixed rate as a share of what gateways pay: below 1 the pool earns in the long run. */
  readonly payShare: number;
  /** How many tickets are looked at; Infinity for all time, which needs a pay share below 1. */
  readonly tickets: number;
}

/** Above so many winning tickets their sum is as good as normal: see {@link ruinProbability}. */
const WINS_EXACT_MAX = 100_000;
/** Below this the number of wins is Poisson to within less than a thousandth of the reserve. */
const POISSON_BELOW = 1e-3;
/** Halvings of an interval: as many as a double has digits. */
const STEPS = 60;

/**
 * The reserve, in face values, with which ruin has at most the given probability.
 *
 * The reserve moves like a walk that goes down by the same step with each ticket, and up by a whole
 * face value with some: the compound binomial model of ruin theory seen from the other side (its
 * dual). Such a walk passes no level on its way down, so Lundberg's exponent is no bound but exact:
 * the probability of ever reaching 0 from u is exp(-R u), where R solves E[exp(-R X)] = 1 for the
 * change X of one ticket (S. Asmussen, H. Albrecher: Ruin Probabilities, 2nd ed. 2010; B. Avanzi,
 * H. U. Gerber, E. S. W. Shiu: Optimal dividends in the dual model, 2007). For so many tickets, the
 * hitting-time theorem (J. H. B. Kemperman, 1961) gives the time of ruin: see {@link ruinProbability}.
 *
 * Throws RangeError when no reserve is enough: all time at a pay share of 1 or more.
 */
export function reserveFor(risk: TicketRisk, ruin: number): number {
  check(risk, ruin);
  if (risk.tickets === Number.POSITIVE_INFINITY) {
    if (risk.payShare >= 1) throw new RangeError('no reserve lasts for ever at such a rate');
    return Math.log(1 / ruin) / lundbergExponent(risk);
  }
  // Without a single win the reserve pays for everything: more is never needed.
  let high = risk.tickets * stepOf(risk);
  let low = 0;
  for (let step = 0; step < STEPS; step += 1) {
    const middle = (low + high) / 2;
    if (ruinProbability(risk, middle) > ruin) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * The probability that a reserve (in face values) is used up within the tickets of the risk.
 *
 * Ruin with exactly k wins happens at ticket n = (u + k) / q, where q is what a ticket takes; its
 * probability is (u / q) / n times that of k wins in n tickets (Kemperman's hitting-time theorem; in
 * its Poisson form the Borel-Tanner distribution). Beyond 10^5 expected wins the walk is taken as
 * Brownian motion with drift, whose first passage is the inverse Gaussian distribution.
 */
export function ruinProbability(risk: TicketRisk, reserve: number): number {
  if (reserve <= 0) return 1;
  if (risk.tickets === Number.POSITIVE_INFINITY) {
    return risk.payShare >= 1 ? 1 : Math.exp(-lundbergExponent(risk) * reserve);
  }
  const q = stepOf(risk);
  if (risk.tickets * risk.winProbability > WINS_EXACT_MAX) return diffusion(risk, reserve);
  let sum = 0;
  for (let k = 0; ; k += 1) {
    const n = (reserve + k) / q;
    if (n > risk.tickets) return Math.min(1, sum);
    const first = reserve / q / n;
    sum += first * Math.exp(logOfWins(k, n, risk.winProbability));
  }
}

/** R of E[exp(-R X)] = 1, per face value: X is -q, plus 1 with the probability of a win. */
export function lundbergExponent(risk: TicketRisk): number {
  const { winProbability: p } = risk;
  const q = stepOf(risk);
  const logOfMean = (r: number) => q * r + Math.log1p(p * Math.expm1(-r));
  let high = 1;
  while (logOfMean(high) < 0) high *= 2;
  let low = 0;
  for (let step = 0; step < STEPS; step += 1) {
    const middle = (low + high) / 2;
    if (logOfMean(middle) < 0) low = middle;
    else high = middle;
  }
  return high;
}

/** What a ticket takes out of the reserve, in face values. */
export function stepOf({ winProbability, payShare }: TicketRisk): number {
  return winProbability * payShare;
}

function diffusion({ winProbability: p, payShare, tickets }: TicketRisk, reserve: number): number {
  const drift = p * (1 - payShare) * tickets;
  const deviation = Math.sqrt(p * (1 - p) * tickets);
  const mirrored = Math.exp(((-2 * (1 - payShare)) / (1 - p)) * reserve);
  const back = normalBelow((drift - reserve) / deviation);
  // Where the first factor overflows, the second is 0.
  return normalBelow((-reserve - drift) / deviation) + (back === 0 ? 0 : mirrored * back);
}

/** The logarithm of the probability of k wins in n tickets; n need not be whole. */
function logOfWins(k: number, n: number, p: number): number {
  if (p < POISSON_BELOW) return k * Math.log(p * n) - p * n - logGamma(k + 1);
  const ways = logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
  return ways + k * Math.log(p) + (n - k) * Math.log1p(-p);
}

/** Stirling's series, after moving up to where it is exact to 13 digits. */
export function logGamma(x: number): number {
  let shift = 0;
  let at = x;
  while (at < 10) {
    shift += Math.log(at);
    at += 1;
  }
  const inverse = 1 / at;
  const square = inverse * inverse;
  const series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)));
  return (at - 0.5) * Math.log(at) - at + 0.5 * Math.log(2 * Math.PI) + series - shift;
}

/** The normal distribution: W. J. Cody's erfc would be more exact than the 1e-7 needed here. */
function normalBelow(x: number): number {
  const t = 1 / (1 + 0.5 * Math.abs(x) * Math.SQRT1_2);
  // Numerical Recipes, erfcc: relative error below 1.2e-7 everywhere.
  const coefficients = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398,
    1.48851587, -0.82215223, 0.17087277,
  ];
  const polynomial = coefficients.reduceRight((sum, each) => sum * t + each, 0);
  const tail = (t * Math.exp((-x * x) / 2 + polynomial)) / 2;
  return x >= 0 ? 1 - tail : tail;
}

function check({ winProbability, payShare, tickets }: TicketRisk, ruin: number): void {
  if (!(winProbability > 0 && winProbability < 1)) throw new RangeError('not a win probability');
  if (!(payShare > 0 && Number.isFinite(payShare))) throw new RangeError('not a pay share');
  if (!(tickets > 0)) throw new RangeError('not a number of tickets');
  if (!(ruin > 0 && ruin < 1)) throw new RangeError('not a ruin probability');
}
