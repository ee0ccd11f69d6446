import { Agent, type ClientRequest, get } from 'node:http';

/**
 * Readers of a public address, a process of its own that its parent tells by messages what to do:
 * `{ url, streams, perSecond }` opens that many event streams, says `{ ready: true }` once all are open,
 * and then asks so often a second; `{ stop: true }` closes all and says what came.
 */
const PATHS = ['/api/v1/pool', '/api/v1/epochs', '/api/v1/payouts', '/'];
/** The pool limits each address; people come from several. */
const ADDRESSES = 16;
const BATCH = 100;

/** What is to be read, and how often. */
export interface Reading {
  readonly url: string;
  readonly streams: number;
  readonly perSecond: number;
}

/** What came of it. */
export interface Read {
  readonly answers: number;
  readonly refused: number;
  readonly events: number;
  readonly seconds: number;
}

const from = (index: number) => `127.0.0.${2 + (index % ADDRESSES)}`;

function startReading({ url, streams, perSecond }: Reading) {
  const counts = { events: 0, answers: 0, refused: 0 };
  const agents = Array.from({ length: ADDRESSES }, () => new Agent({ keepAlive: true }));
  const open: ClientRequest[] = [];
  let asked = 0;
  let startedAt = 0;
  let timer: NodeJS.Timeout | undefined;

  function follow(index: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const options = { localAddress: from(index), agent: false } as const;
      const request = get(new URL('/api/v1/live', url), options, (response) => {
        if (response.statusCode !== 200) return reject(new Error(`status ${response.statusCode}`));
        response.on('data', () => {
          counts.events++;
        });
        response.on('error', () => undefined);
        resolve();
      });
      request.on('error', reject);
      open.push(request);
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

  return {
    async begin() {
      for (let at = 0; at < streams; at += BATCH) {
        await Promise.all(Array.from({ length: BATCH }, (_, index) => follow(at + index)));
      }
      startedAt = performance.now();
      timer = setInterval(() => {
        const due = ((performance.now() - startedAt) / 1000) * perSecond;
        while (asked < due) ask(asked++);
      }, 20);
    },
    end(): Read {
      clearInterval(timer);
      for (const request of open) request.destroy();
      for (const agent of agents) agent.destroy();
      return { ...counts, seconds: (performance.now() - startedAt) / 1000 };
    },
  };
}

let current: ReturnType<typeof startReading> | undefined;
process.on('message', (message: Reading | { readonly stop: true }) => {
  if ('stop' in message) {
    process.send?.(current?.end());
    current = undefined;
    return;
  }
  current = startReading(message);
  current.begin().then(
    () => process.send?.({ ready: true }),
    (error: unknown) => {
      throw error;
    },
  );
});
process.once('SIGTERM', () => process.exit(0));
process.stdout.write('READY\n');
