import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** A file of bench/ for each claim that the project makes about speed and memory. */
const CLAIMS = [
  'relay',
  'dispatch',
  'connections',
  'acknowledge',
  'closing',
  'payout-gas',
  'verify',
  'failure-tax',
  'event-loop',
  'api-load',
  'pages',
  'tickets',
  'senders',
  'discovery',
  'notices',
];

const BENCH = import.meta.dirname;

/** `npm run bench -- CLAIM [options]`, or every claim in turn: side by side they would disturb. */
function main(): number {
  const [claim, ...options] = process.argv.slice(2);
  const present = CLAIMS.filter((name) => existsSync(join(BENCH, `${name}.ts`)));
  if (claim !== undefined && !present.includes(claim)) {
    console.error(`npm run bench -- [${present.join(' | ')}] [options]`);
    return 2;
  }
  const statuses = (claim === undefined ? present : [claim]).map(
    (name) =>
      spawnSync(process.execPath, [join(BENCH, `${name}.ts`), ...options], { stdio: 'inherit' })
        .status ?? 1,
  );
  return Math.max(...statuses);
}

process.exitCode = main();
