import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { FakeClock } from '../base/clock.ts';
import { type Log, quiet } from '../base/log.ts';
import { createMetrics } from '../base/metrics.ts';
import { keptCertificate, operatorCertificate, ownCertificate } from './certificate.ts';
import { defaultLimits } from './limits.ts';
import { listen } from './listener.ts';

async function folder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'tributary-cert-'));
  t.after(() => rm(dir, { recursive: true }));
  return dir;
}

function recorder(): { log: Log; events: string[] } {
  const events: string[] = [];
  const note = (event: string) => events.push(event);
  return { log: { error: note, warn: note, info: note, debug: note }, events };
}

/** Certificate and key files of some other host. */
async function operatorFiles(t: TestContext, host: string) {
  const dataDir = await folder(t);
  const { pin } = await ownCertificate({ dataDir, host, log: quiet });
  return { certFile: join(dataDir, 'cert.pem'), keyFile: join(dataDir, 'key.pem'), pin };
}

/** The pin of what a listener shows now. */
function shownPin(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

test('our certificate looks like that of a stock orchestrator and is kept across restarts', async (t) => {
  const dataDir = await folder(t);
  const first = await ownCertificate({ dataDir, host: '192.0.2.7', log: quiet });
  const parsed = new X509Certificate(first.current().cert);
  assert.equal(parsed.ca, true);
  assert.equal(parsed.subjectAltName, 'DNS:192.0.2.7, IP Address:192.0.2.7');
  assert.deepEqual(parsed.keyUsage, ['1.3.6.1.5.5.7.3.1']);
  assert.equal(parsed.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  assert.equal(parsed.verify(parsed.publicKey), true, 'signed by itself');
  assert.ok(parsed.validToDate.getTime() > Date.now() + 19 * 365 * 86_400_000);
  assert.equal((await stat(join(dataDir, 'key.pem'))).mode & 0o777, 0o600);

  const again = await ownCertificate({ dataDir, host: 'renamed.example', log: quiet });
  assert.equal(again.pin, first.pin);
});

test('the key is made private again, and an expired certificate is renewed with the same key', async (t) => {
  const dataDir = await folder(t);
  const clock = new FakeClock();
  const { log, events } = recorder();
  const first = await ownCertificate({ dataDir, host: 'a', log: quiet, clock });
  const key = await readFile(join(dataDir, 'key.pem'), 'utf8');
  await chmod(join(dataDir, 'key.pem'), 0o644);
  clock.advance(21 * 365 * 86_400_000);
  const renewed = await ownCertificate({ dataDir, host: 'a', log, clock });
  assert.notEqual(renewed.pin, first.pin);
  assert.equal(renewed.current().key, key);
  assert.equal((await stat(join(dataDir, 'key.pem'))).mode & 0o777, 0o600);
  assert.deepEqual(events, ['certificate_expired', 'certificate_made']);
});

test('a certificate and a key that do not fit are refused, not silently replaced', async (t) => {
  const dataDir = await folder(t);
  const other = await operatorFiles(t, 'other');
  await ownCertificate({ dataDir, host: 'a', log: quiet });
  await writeFile(join(dataDir, 'key.pem'), await readFile(other.keyFile));
  const options = { dataDir, host: 'a', log: quiet };
  await assert.rejects(ownCertificate(options), { code: 'certificate_unusable' });
  const half = keptCertificate({ ...options, certFile: other.certFile });
  await assert.rejects(half, { code: 'certificate_unusable' });
  const missing = keptCertificate({ ...options, certFile: '/nowhere', keyFile: other.keyFile });
  await assert.rejects(missing, { code: 'certificate_unusable' });
});

test("an operator's certificate is replaced without a restart, and rubbish leaves the old one", async (t) => {
  const files = await operatorFiles(t, 'first.example');
  const next = await operatorFiles(t, 'second.example');
  const clock = new FakeClock();
  const { log, events } = recorder();
  const certificate = await operatorCertificate({ ...files, log, clock });
  t.after(() => certificate.close());
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    certificate,
    limits: defaultLimits,
    handle: async () => {},
    log: quiet,
    metrics: createMetrics(),
  });
  t.after(() => listener.close());
  const before = await shownPin(listener.port);

  await writeFile(files.certFile, 'rubbish');
  assert.equal(await listener.reloadCertificate(), false);
  assert.equal(await listener.reloadCertificate(), false);
  assert.deepEqual(events, ['certificate_refused'], 'said once');
  assert.equal(await shownPin(listener.port), before);

  await writeFile(files.certFile, await readFile(next.certFile));
  assert.equal(await listener.reloadCertificate(), false, 'the key is still the old one');
  await writeFile(files.keyFile, await readFile(next.keyFile));
  const replaced = Promise.withResolvers<void>();
  certificate.onChange(replaced.resolve);
  clock.advance(30_000); // the poll
  await replaced.promise;
  assert.equal(certificate.pin, next.pin);
  assert.notEqual(await shownPin(listener.port), before);
});

test('a taken port is said to be taken', async (t) => {
  const dataDir = await folder(t);
  const certificate = await ownCertificate({ dataDir, host: 'a', log: quiet });
  const options = {
    host: '127.0.0.1',
    certificate,
    limits: defaultLimits,
    handle: async () => {},
    log: quiet,
    metrics: createMetrics(),
  };
  const first = await listen({ ...options, port: 0 });
  t.after(() => first.close());
  await assert.rejects(listen({ ...options, port: first.port }), { code: 'address_in_use' });
});
