import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SessionId } from '../base/ids.ts';
import { createSessions } from './sessions.ts';
import type { Session } from './state.ts';

const sessionOf = (id: SessionId): Session => ({
  kind: 'session',
  timerAt: Number.POSITIVE_INFINITY,
  id,
  bound: undefined,
  wasBound: false,
  asked: undefined,
  holds: [],
  queue: [],
  running: undefined,
  idleSince: 0,
  ended: false,
});

/** Ids that differ only where they are not hashed all look for the same place. */
const idOf = (n: number) => `${n % 7}-${'same end of all'.slice(n % 3)}${n >> 6}` as SessionId;

test('sessions are found by id like in a Map, however they come, go and collide', () => {
  const step = fc.record({ add: fc.boolean(), id: fc.nat({ max: 300 }).map(idOf) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const sessions = createSessions();
      const model = new Map<SessionId, Session>();
      for (const { add, id } of steps) {
        assert.equal(sessions.get(id), model.get(id));
        if (add && !model.has(id)) {
          model.set(id, sessions.getOrAdd(id, sessionOf));
        } else if (!add) {
          sessions.delete(sessionOf(id));
          model.delete(id);
        }
        assert.equal(sessions.size, model.size);
      }
      for (let n = 0; n <= 300; n++) assert.equal(sessions.get(idOf(n)), model.get(idOf(n)));
    }),
    { numRuns: 300 },
  );
});

test('sessions stay found when the table grows around them', () => {
  const sessions = createSessions();
  const ids = Array.from({ length: 5_000 }, (_, n) => `session-${n}` as SessionId);
  const all = ids.map((id) => sessions.getOrAdd(id, sessionOf));
  for (const session of all) {
    assert.equal(sessions.get(session.id), session);
    assert.equal(sessions.getOrAdd(session.id, sessionOf), session);
  }
  for (const session of all) sessions.delete(session);
  assert.equal(sessions.size, 0);
  for (const session of all) assert.equal(sessions.get(session.id), undefined);
});
