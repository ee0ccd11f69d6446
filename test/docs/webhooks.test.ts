import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { FakeClock } from '../../src/base/clock.ts';
import { createOutbound } from '../../src/notices/outbound.ts';
import { webhookSender } from '../../src/notices/webhook-sender.ts';

const run = promisify(execFile);
const PAGE = join(import.meta.dirname, '../../docs/explanations/notices.md');
const SECRET = 'a2'.repeat(26);

interface Case {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Base64. */
  readonly body: string;
  readonly secret: string;
  /** Milliseconds. */
  readonly now: number;
  readonly holds: boolean;
}

/** A webhook as the pool sends it, and what somebody could make of it. */
async function cases(): Promise<readonly Case[]> {
  const got = Promise.withResolvers<{ headers: Record<string, string>; body: Buffer }>();
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    got.resolve({
      headers: request.headers as Record<string, string>,
      body: Buffer.concat(pieces),
    });
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clock = new FakeClock(1_790_000_000_000);
  const send = webhookSender({ outbound: createOutbound({ allowPrivate: [host] }), clock });
  const outcome = await send(
    { type: 'webhook', url: `http://${host}/hook`, secret: SECRET },
    {
      ...{ id: '018f2b1e-0000-7000-8000-000000000000', pool: 'Rivermouth – Süd', notices: [] },
      ...{ title: 'Übung', text: 'Nothing “needs” to be done.', at: clock.now() },
    },
  );
  assert.ok(outcome.ok);
  const { headers, body } = await got.promise;
  server.closeAllConnections();
  server.close();
  const now = clock.now();
  const sent = { headers, body: body.toString('base64'), secret: SECRET, now };
  const changed = Buffer.from(body.toString('utf8').replace('Nothing', 'Everything'));
  const later = String(Number(headers['tributary-timestamp']) + 200);
  return [
    { name: 'as it came', ...sent, holds: true },
    { name: 'four minutes later', ...sent, now: now + 240_000, holds: true },
    { name: 'kept for an hour', ...sent, now: now + 3_600_000, holds: false },
    { name: 'from tomorrow', ...sent, now: now - 86_400_000, holds: false },
    { name: 'changed', ...sent, body: changed.toString('base64'), holds: false },
    {
      ...{ name: 'kept, with a newer time', ...sent, now: now + 400_000, holds: false },
      headers: { ...headers, 'tributary-timestamp': later },
    },
    { name: 'of another secret', ...sent, secret: 'b'.repeat(52), holds: false },
    { name: 'with nothing', ...sent, headers: {}, holds: false },
    {
      ...{ name: 'with rubbish', ...sent, holds: false },
      headers: { ...headers, 'tributary-signature': 'v1=ü', 'tributary-timestamp': '1e9' },
    },
  ];
}

async function codeIn(language: string): Promise<string> {
  const page = await readFile(PAGE, 'utf8');
  const [, code] = new RegExp(`\`\`\`${language}\\n([\\s\\S]+?)\`\`\``).exec(page) ?? [];
  assert.ok(code, `there is code in ${language}`);
  return code;
}

const runners = {
  js: {
    file: 'check.mjs',
    program: process.execPath,
    rest: `
import { readFileSync } from 'node:fs';
const cases = JSON.parse(readFileSync(process.argv[2], 'utf8'));
console.log(JSON.stringify(cases.map(({ secret, headers, body, now }) =>
  isFromPool(secret, headers, Buffer.from(body, 'base64'), now))));`,
  },
  python: {
    file: 'check.py',
    program: 'python3',
    rest: `
import base64, json, sys
cases = json.load(open(sys.argv[1]))
print(json.dumps([is_from_pool(c["secret"], c["headers"], base64.b64decode(c["body"]),
  c["now"] / 1000) for c in cases]))`,
  },
} as const;

for (const [language, { file, program, rest }] of Object.entries(runners)) {
  test(`a receiver that checks webhooks by the ${language} code of the page takes ours and no other`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'tributary-webhook-'));
    t.after(() => rm(folder, { recursive: true }));
    const all = await cases();
    await writeFile(join(folder, 'cases.json'), JSON.stringify(all));
    await writeFile(join(folder, file), `${await codeIn(language)}${rest}\n`);
    const { stdout } = await run(program, [join(folder, file), join(folder, 'cases.json')]);
    const said = JSON.parse(stdout) as readonly boolean[];
    assert.deepEqual(
      all.map(({ name }, i) => [name, said[i]]),
      all.map(({ name, holds }) => [name, holds]),
    );
  });
}
