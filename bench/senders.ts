import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { FakeClock } from '../src/base/clock.ts';
import { wei } from '../src/base/money.ts';
import { createSenders } from '../src/chain/senders.ts';
import { quantile, report } from './report.ts';

/**
 * What fresh sender keys cost: anybody can make up any number of them, and each GetOrchestrator with
 * a new one asks for its funds. 500 in a second of the pool's clock, none twice, and beside them one
 * gateway with funds that must not notice. Limits: 10 calls in any second, 64 MiB in all.
 */
const KEYS = 100_000;
const PER_SECOND = 500;
const STEP_MS = 100;
/** Those of bin/tributary: how soon garbage is given back decides what is resident. */
const NODE_FLAGS = ['--max-semi-space-size=2', '--min-semi-space-size=2'];

if (!process.execArgv.includes(NODE_FLAGS[0] as string)) {
  const again = spawnSync(process.execPath, [...NODE_FLAGS, import.meta.filename], {
    stdio: 'inherit',
  });
  process.exit(again.status ?? 1);
}
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const clock = new FakeClock();
const callsAt: number[] = [];
const gateway = randomBytes(20);
const nothing = {
  deposit: wei(0n),
  reserve: wei(0n),
  claimedInRound: wei(0n),
  claimedByRecipient: wei(0n),
  withdrawRound: 0n,
};
const senders = createSenders({
  ...{ known: [gateway.toString('hex')], callsPerRead: 1, clock },
  async read(keys) {
    callsAt.push(clock.now());
    // Each its own object, as out of an answer.
    return keys.map((key) =>
      key === gateway.toString('hex') ? { ...nothing, deposit: wei(10n ** 18n) } : { ...nothing },
    );
  },
});
await senders.advance({ blockHash: `0x${'00'.repeat(32)}`, currentRound: 1n }, []);
callsAt.length = 0;

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
collect();
const before = process.memoryUsage();
let [loaded, refused, most] = [0, 0, 0];
const lookups: number[] = [];
for (let made = 0; made < KEYS; ) {
  for (let each = 0; each < (PER_SECOND * STEP_MS) / 1000; each += 1, made += 1) {
    void senders.load(randomBytes(20)).then(({ ok }) => {
      if (ok) loaded += 1;
      else refused += 1;
    });
  }
  const from = process.hrtime.bigint();
  if (!senders.get(gateway)) throw new Error('the gateway with funds was forgotten');
  lookups.push(Number(process.hrtime.bigint() - from) / 1e3);
  clock.advance(STEP_MS);
  await settle();
  const { rss } = process.memoryUsage();
  most = Math.max(most, rss - before.rss);
}
collect();
const kept = process.memoryUsage().heapUsed - before.heapUsed;
const inAnySecond = Math.max(
  ...callsAt.map((at, index) => {
    let end = index;
    while (end < callsAt.length && (callsAt[end] ?? 0) < at + 1_000) end += 1;
    return end - index;
  }),
);
senders.close();

report([
  {
    claim: 'RPC calls for fresh senders (most in any second)',
    ours: inAnySecond,
    other: { name: 'limit', value: 10 },
  },
  {
    claim: 'memory for 100000 fresh senders (MiB resident more at most)',
    ours: most / 2 ** 20,
    other: { name: 'limit', value: 64 },
  },
  { claim: `memory kept for ${senders.size} of them (MiB of heap)`, ours: kept / 2 ** 20 },
  { claim: 'fresh senders answered', ours: loaded },
  { claim: 'fresh senders refused for now', ours: refused },
  { claim: 'look-up of a known gateway meanwhile p99 (us)', ours: quantile(lookups, 0.99) },
]);
