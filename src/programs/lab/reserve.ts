import { TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { exitCode, type Io, VIEW_COLUMNS, wrap } from '../../base/terminal.ts';
import type { RateText } from '../../terms/quantities.ts';
import { parseDecimal } from '../../terms/ratio.ts';
import { lundbergExponent, reserveFor, type TicketRisk } from '../../terms/reserve.ts';
import { seededUniform, simulatedReserve } from '../../terms/reserve-simulation.ts';
import { reserveCommand } from './settings.ts';

/** `tributary lab reserve`. */
export async function runReserve(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(reserveCommand, args, io);
  if (!settings) return exitCode.ok;
  const { faceValue, winProb, price, rate, ruin, units, simulate, seed, json } = settings.values;
  const payShare = perUnit(rate) / perUnit(price);
  const expected = faceValue * winProb;
  const tickets = units === undefined ? Infinity : (units * perUnit(price)) / expected;
  const risk: TicketRisk = { winProbability: winProb, payShare, tickets };
  if (tickets === Infinity && payShare >= 1) {
    throw new TributaryError(
      'setting_invalid',
      `--rate is ${percent(payShare)} of --price: no reserve lasts for ever. Lower it, or give --units.`,
    );
  }
  const formula = reserveFor(risk, ruin) * faceValue;
  const simulated =
    simulate === 0
      ? undefined
      : simulatedReserve(risk, ruin, { runs: simulate, uniform: seededUniform(seed) }) * faceValue;
  const asset = rate.asset;
  if (json) {
    const value = { asset, reserve: formula, simulated, payShare, expected, ruin };
    io.stdout.write(`${JSON.stringify(value)}\n`);
    return exitCode.ok;
  }
  const span =
    tickets === Infinity
      ? `for all time (Lundberg exponent ${figure(lundbergExponent(risk) / faceValue)} per ${asset}, exact for tickets)`
      : `over ${figure(tickets)} tickets, of which some ${figure(tickets * winProb)} win`;
  const lines = [
    `Reserve: ${figure(formula)} ${asset}, that is ${figure(formula / faceValue)} winning tickets`,
    `  so that it is used up with a probability of ${percent(ruin)} ${span}`,
    `  a ticket is worth ${figure(expected)} ${asset}; workers get ${percent(payShare)} of what gateways pay`,
  ];
  if (simulated !== undefined) {
    const apart = percent(Math.abs(formula / simulated - 1));
    lines.push(
      `  simulated in ${simulate.toLocaleString('en')} runs (seed ${seed}): ${figure(simulated)} ${asset}, ${apart} apart`,
    );
  }
  io.stdout.write(`${lines.flatMap((line) => wrap(line, VIEW_COLUMNS, '    ')).join('\n')}\n`);
  return exitCode.ok;
}

/** An estimate of risk, not an amount of money: here a float will do. */
function perUnit({ amount, count }: RateText): number {
  const value = parseDecimal(amount) ?? { numerator: 0n, denominator: 1n };
  return Number(value.numerator) / Number(value.denominator) / Number(count);
}

function figure(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: 4 });
}

function percent(share: number): string {
  return `${figure(share * 100)} %`;
}
