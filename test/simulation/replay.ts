import { type Sabotage, sabotages } from '../../src/dispatch/dispatch-types.ts';
import { run } from './world.ts';

/**
 * `node test/simulation/replay.ts SEED [SABOTAGE] [--trace]`: runs the world of one seed again, and
 * says what went against the rules; with --trace everything that happened.
 */
const [seedText, ...rest] = process.argv.slice(2);
const seed = Number(seedText);
const sabotage = rest.find((word): word is Sabotage => sabotages.includes(word as Sabotage));
if (!Number.isInteger(seed) || seed < 0) {
  console.error('usage: node test/simulation/replay.ts SEED [SABOTAGE] [--trace]');
  process.exitCode = 2;
} else {
  const outcome = run(seed, {
    ...(sabotage ? { sabotage } : {}),
    ...(rest.includes('--trace') ? { print: (line: string) => console.log(line) } : {}),
  });
  console.log(JSON.stringify(outcome, undefined, 2));
  process.exitCode = outcome.violations.length > 0 ? 1 : 0;
}
