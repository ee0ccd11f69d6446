import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { PageReply, PageServer } from '../../src/api/page-types.ts';
import { adminToken } from '../api/api-kit.ts';
import { startTestPool } from '../start-pool.ts';

// What pages say where nothing is there yet, or all of it is zero: of a pool that has just begun.
const pool = await startTestPool({ after });
const { headers } = await adminToken(pool);
const { server } = (await import(
  new URL('../../dist-web/server/server.js', import.meta.url).href
)) as { readonly server: PageServer };

/** The text of a page as an operator reads it, where some answers of the API are others. */
async function pageText(path: string, others: Readonly<Record<string, unknown>> = {}) {
  const url = new URL(path, 'https://pool.example');
  const reply = (await server.page({
    ...{ path: url.pathname, query: url.searchParams, theme: undefined, now: Date.now() },
    ...{ origin: url.origin, assets: { script: '/a.js', styles: [], icon: '/i.svg' } },
    async ask(asked) {
      const other = others[asked.split('?')[0] ?? ''];
      if (other !== undefined) return { status: 200, text: JSON.stringify(other) };
      const answer = await fetch(new URL(asked, pool.adminUrl), { headers: { ...headers } });
      return { status: answer.status, text: await answer.text() };
    },
  })) as PageReply;
  assert.equal(reply.status, 200, path);
  return reply.html.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
}

test('an operator who is told nowhere of alarms reads that first', async () => {
  const text = await pageText('/operator/notices');
  assert.match(text, /Nobody who runs the pool is told of alarms/);
  assert.match(text, /Nowhere yet: add a channel, or look at the console for alarms\./);
  assert.doesNotMatch(text, /Every notice was delivered/);
});

test('a chart of nothing but zeros is a sentence', async () => {
  const step = (hour: number, jobs: number) => ({
    at: new Date(Date.UTC(2026, 10, 22, hour)).toISOString(),
    ...{ jobs, failed: 0, retried: 0, hedged: 0, addedP50Ms: null, addedP99Ms: null, workers: 0 },
  });
  const history = (jobs: number) => ({ '/api/v1/pool/history': [step(8, jobs), step(9, 0)] });
  const idle = await pageText('/operator/traffic', history(0));
  assert.match(idle, /Segments 24 h 7 d 30 d No segment was done in this time\./);
  assert.match(idle, /Segments that failed 24 h 7 d 30 d No segment came in this time\./);
  const some = await pageText('/operator/traffic', history(3));
  assert.doesNotMatch(some, /No segment was done/);
});

test('one of a thing is one, and not one of them', async () => {
  const status = await pool.admin<{ segments: object }>('GET', '/api/v1/status');
  const one = {
    ...status,
    sessions: 1,
    capacity: 1,
    segments: { ...status.segments, inFlight: 1 },
  };
  const text = await pageText('/operator/traffic', { '/api/v1/status': one });
  assert.match(text, /1 session is open, 1 segment under way/);
  assert.match(text, /of 1 place, 1 segment under way/);
  const many = { ...one, sessions: 1204, capacity: 4000 };
  const more = await pageText('/operator/traffic', { '/api/v1/status': many });
  assert.match(more, /1,204 sessions are open, 1 segment under way/);
});
