import assert from 'node:assert/strict';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { selfSigned } from '../../src/http/self-signed.ts';
import { startDirectoryProcess } from '../directory-process.ts';
import { startHostilePool } from '../hostile-pools.ts';
import { startPoolProcess } from '../pool-process.ts';
import type { Cleanup } from '../start-pool.ts';

const HERE = '127.0.0.1';
const YEARS = { notBefore: new Date('2020-01-01'), notAfter: new Date('2040-01-01') };

/** An https server at a port of its own, with a certificate that was made for it. */
async function startTls(
  t: Cleanup,
  certified: { readonly host: string; readonly notBefore: Date; readonly notAfter: Date },
  answer: RequestListener,
) {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  // A name of its own: whoever trusts several finds each by its name.
  const cert = selfSigned({ key, ...certified, name: randomUUID() });
  const pem = key.export({ type: 'pkcs8', format: 'pem' });
  const server = createServer({ key: pem, cert }, answer);
  await once(server.listen(0, HERE), 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { cert, origin: `https://${HERE}:${(server.address() as AddressInfo).port}` };
}

test('a directory reads over https from whom a certificate vouches for, and says what is wrong else', async (t) => {
  let pool: { readonly publicUrl: string } | undefined;
  const passOn: RequestListener = async (request, response) => {
    const reply = await fetch(new URL(request.url ?? '/', pool?.publicUrl));
    response.writeHead(reply.status, {
      'content-type': reply.headers.get('content-type') ?? 'text/plain',
    });
    response.end(Buffer.from(await reply.arrayBuffer()));
  };
  const right = await startTls(t, { host: HERE, ...YEARS }, passOn);
  const running = await startPoolProcess(t, [`--public-url=${right.origin}`]);
  pool = running;
  const expired = await startTls(
    t,
    { host: HERE, ...YEARS, notAfter: new Date('2021-01-01') },
    passOn,
  );
  const early = await startTls(
    t,
    { host: HERE, ...YEARS, notBefore: new Date('2039-01-01') },
    passOn,
  );
  const other = await startTls(t, { host: 'elsewhere.example', ...YEARS }, passOn);
  const unknown = await startTls(t, { host: HERE, ...YEARS }, passOn);
  const down = await startTls(t, { host: HERE, ...YEARS }, (_, response) => {
    const location = `${running.publicUrl}/.well-known/livepeer-pool.json`;
    response.writeHead(302, { location }).end();
  });
  const plain = await startHostilePool(t, { kind: 'text', text: () => '{}' });
  const bare = plain.origin.replace('http:', 'https:');

  const dir = await mkdtemp(join(tmpdir(), 'tributary-authority-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const trusted = join(dir, 'trusted.pem');
  await writeFile(trusted, [right, expired, early, other, down].map(({ cert }) => cert).join(''));
  const wrong = [expired, early, other, unknown, down].map(({ origin }) => origin);
  const places = [right.origin, running.publicUrl, running.serviceUri, bare, ...wrong];
  const directory = await startDirectoryProcess(
    t,
    [right.origin, bare, ...wrong],
    [`--allow-private=${places.map((url) => new URL(url).host).join(',')}`],
    { NODE_EXTRA_CA_CERTS: trusted },
  );

  const read = await directory.until(
    right.origin,
    'signed',
    ({ standing }) => standing === 'signed',
  );
  assert.equal(read.says?.serviceUri, running.serviceUri);
  for (const [origin, reason] of [
    [expired.origin, 'its certificate has expired, so that nobody can tell who answers'],
    [early.origin, 'its certificate is not valid yet; perhaps a clock is wrong'],
    [other.origin, 'its certificate is for another address than this one'],
    [unknown.origin, 'its certificate is of nobody that this directory trusts'],
    [
      down.origin,
      'it leads from https to http, where anybody on the way could change what is read',
    ],
    [bare, 'it does not speak TLS as an https address has to'],
  ] as const) {
    const found = await directory.until(
      origin,
      'refused',
      ({ standing }) => standing === 'refused',
    );
    assert.equal(found.says, null, reason);
    const page = await fetch(`${directory.url}/pools/${new URL(origin).host.replace(':', '-')}`);
    const said = /no manifest is at[^<]*/i.exec(await page.text())?.[0];
    assert.ok(said?.includes(reason), `${reason}, and not: ${said}`);
  }
});
