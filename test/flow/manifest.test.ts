import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startHostilePool, tampered } from '../hostile-pools.ts';
import { startPoolProcess } from '../pool-process.ts';
import { startTributary } from '../tributary-process.ts';

const TERMS = `name = "Rivermouth"
commission = "12%"
model = { kind = "proportional" }
`;

test('a pool says who it is in a signed manifest, and signs it anew when its terms change', async (t) => {
  const pool = await startPoolProcess(t, [
    '--operator-name=Ada & Co',
    '--contact=ada@pool.example',
    '--outside-gpus=off',
  ]);
  const url = `${pool.publicUrl}/.well-known/livepeer-pool.json`;
  const first = await fetch(url);
  assert.equal(first.headers.get('access-control-allow-origin'), '*');
  const { manifest } = JSON.parse(await first.text());
  assert.equal(manifest.operator.name, 'Ada & Co');
  assert.equal(manifest.joining.outsideGpus, false);
  const page = await (await fetch(pool.publicUrl)).text();
  assert.match(page, /Ada &amp; Co, by its own word\. To be reached at ada@pool\.example\./);
  assert.match(page, /No: its operator takes nobody at present\./);
  assert.equal(manifest.pool.url, `${pool.publicUrl}/`);
  assert.equal(manifest.terms.version, 0);
  const again = await fetch(url, { headers: { 'if-none-match': first.headers.get('etag') ?? '' } });
  assert.equal(again.status, 304);

  const epoch = manifest.terms.document.version + 2;
  await pool.admin('POST', '/api/v1/terms', { file: TERMS, startsAtEpoch: String(epoch) });
  await pool.admin('POST', '/api/v1/epochs/close', {});
  const { manifest: second } = JSON.parse(await (await fetch(url)).text());
  assert.equal(second.terms.version, 1);
  assert.equal(second.terms.document.commission, '12%');
  assert.ok(second.issuedAt > manifest.issuedAt);

  for (const source of [pool.publicUrl, url]) {
    const said = startTributary(t, ['terms', 'verify', source]);
    assert.equal(await said.exited, 0, said.printed.err);
    assert.match(said.printed.out, /^OK: version 1 of the terms of "Rivermouth".*receipt key/);
  }
  const stranger = `0x${'ab'.repeat(20)}`;
  const other = startTributary(t, ['terms', 'verify', pool.publicUrl, '--pool', stranger]);
  assert.equal(await other.exited, 1);
  assert.match(other.printed.err, /Not verified: the manifest is that of 0x0+, not of 0xabab/);
  const signed = await (await fetch(url)).text();
  const forged = await startHostilePool(t, {
    kind: 'text',
    text: (origin) => tampered(signed, ({ pool }) => void Object.assign(pool, { url: origin })),
  });
  const copied = await startHostilePool(t, { kind: 'text', text: () => signed });
  for (const [{ origin }, why] of [
    [forged, /the signature does not fit/],
    [copied, /and was found at/],
  ] as const) {
    const said = startTributary(t, ['terms', 'verify', origin]);
    assert.equal(await said.exited, 1);
    assert.match(said.printed.err, why);
  }
  const schema = JSON.parse(await (await fetch(url.replace('.json', '.schema.json'))).text());
  assert.equal(schema.$id, 'urn:livepeer:pool-manifest:1');
});
