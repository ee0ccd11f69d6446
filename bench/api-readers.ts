import { Agent, get } from 'node:http';

/**
 * Readers of a pool's public address, a process of its own: `node api-readers.ts URL STREAMS PER_SECOND`.
 * READY once all streams are open; then it reads on, and says at its end how many answers it got.
 */
const [url = '', streams = '0', perSecond = '0'] = process.argv.slice(2);
const PATHS = ['/api/v1/pool', '/api/v1/epochs', '/api/v1/payouts', '/'];
/** The pool limits each address; people come from several. */
const ADDRESSES = 16;
const BATCH = 100;

const counts = { events: 0, answers: 0, refused: 0 };
const from = (index: number) => `127.0.0.${2 + (index % ADDRESSES)}`;
const agents = Array.from({ length: ADDRESSES }, () => new Agent({ keepAlive: true }));

function follow(index: number): Promise<void> {
  return new Promise((resolve, reject) => {
    get(new URL('/api/v1/live', url), { localAddress: from(index), agent: false }, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`status ${response.statusCode}`));
      response.on('data', () => {
        counts.events++;
      });
      resolve();
    }).on('error', reject);
  });
}

function ask(index: number): void {
  const path = PATHS[index % PATHS.length] as string;
  const options = { localAddress: from(index), agent: agents[index % ADDRESSES] };
  get(new URL(path, url), options, (response) => {
    if (response.statusCode === 200) counts.answers++;
    else counts.refused++;
    response.resume();
  }).on('error', () => {
    counts.refused++;
  });
}

for (let open = 0; open < Number(streams); open += BATCH) {
  await Promise.all(Array.from({ length: BATCH }, (_, index) => follow(open + index)));
}
process.stdout.write('READY\n');
let asked = 0;
const startedAt = performance.now();
setInterval(() => {
  const due = ((performance.now() - startedAt) / 1000) * Number(perSecond);
  while (asked < due) ask(asked++);
}, 20);
process.once('SIGTERM', () => {
  const seconds = (performance.now() - startedAt) / 1000;
  const { events, answers, refused } = counts;
  process.stderr.write(
    `readers: ${Math.round(answers / seconds)} answers a second, ${refused} refused, ${events} events\n`,
  );
  process.exit(0);
});
