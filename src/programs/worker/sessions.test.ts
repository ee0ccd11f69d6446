import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../base/clock.ts';
import type { VideoProfile } from '../../protocol/video-profile.ts';
import type { WorkDevice } from './equipment.ts';
import { createSessions, loadOfProfiles, type Place } from './sessions.ts';

const profile = (width: number, height: number, fps = 30, fpsDen = 1) =>
  ({ width, height, fps, fpsDen }) as VideoProfile;
const small = [profile(426, 240)];
const large = [profile(1920, 1080)];

function device(name: string): WorkDevice {
  return {
    name,
    sessions: 4,
    transcoder: {
      transcode: async () => ({ ok: false, text: '' }),
      close: async () => {},
    },
  };
}

function make(...devices: WorkDevice[]) {
  const clock = new FakeClock();
  const sessions = createSessions({ devices, clock, onChange() {} });
  const enter = (sessionKey: string, profiles = small, reinit = false) =>
    sessions.enter({ sessionKey, profiles, reinit });
  return { clock, sessions, enter };
}

const nameOf = (place: Place | undefined) => (place as Place).run(async ({ name }) => name);

test('one segment of a session runs at a time, in the order of their turns', async () => {
  const { enter } = make(device('a'));
  const first = enter('s') as Place;
  const second = enter('s') as Place;
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  const one = first.run(async () => {
    seen.push('first starts');
    await gate.promise;
    seen.push('first ends');
  });
  const two = second.run(async () => {
    seen.push('second starts');
  });
  gate.resolve();
  await Promise.all([one, two]);
  assert.deepEqual(seen, ['first starts', 'first ends', 'second starts']);
});

test('one running and four waiting segments are taken, the next is refused', () => {
  const { enter } = make(device('a'));
  const places = Array.from({ length: 6 }, () => enter('s'));
  assert.deepEqual(
    places.map((place) => place !== undefined),
    [true, true, true, true, true, false],
  );
  places[0]?.leave();
  places[0]?.leave();
  assert.ok(enter('s'));
  assert.equal(enter('s'), undefined);
});

test('sessions spread over devices by their load, and a session stays on its device', async () => {
  const { sessions, enter } = make(device('a'), device('b'));
  assert.equal(await nameOf(enter('heavy', large)), 'a');
  assert.equal(await nameOf(enter('light1')), 'b');
  assert.equal(await nameOf(enter('light2')), 'b');
  assert.equal(await nameOf(enter('heavy', large)), 'a');
  assert.deepEqual(
    [...sessions.onDevices()],
    [
      ['a', 1],
      ['b', 2],
    ],
  );
});

test('a failed work frees the device, and the next segment chooses anew', async () => {
  const { enter } = make(device('a'), device('b'));
  const place = enter('s', large) as Place;
  assert.equal(await nameOf(place), 'a');
  place.failed();
  place.leave();
  assert.equal(await nameOf(enter('t')), 'a');
  assert.equal(await nameOf(enter('s')), 'b');
});

test('a session is forgotten after 70 s without a segment, and at its teardown', async () => {
  const { clock, sessions, enter } = make(device('a'));
  const place = enter('idle') as Place;
  await nameOf(place);
  clock.advance(100_000);
  assert.equal(sessions.count, 1, 'a running session is not idle');
  place.leave();
  clock.advance(69_999);
  assert.equal(sessions.count, 1);
  clock.advance(1);
  assert.equal(sessions.count, 0);

  const running = enter('torn') as Place;
  await nameOf(running);
  sessions.end('torn');
  sessions.end('unknown');
  assert.equal(sessions.count, 0);
  running.leave();
  clock.advance(100_000);
  assert.equal(sessions.count, 0);
});

test('a reinit chooses the least loaded device anew', async () => {
  const { enter } = make(device('a'), device('b'));
  assert.equal(await nameOf(enter('s')), 'a');
  assert.equal(await nameOf(enter('t')), 'b');
  assert.equal(await nameOf(enter('u', large)), 'a');
  assert.equal(await nameOf(enter('s')), 'a');
  assert.equal(await nameOf(enter('s', small, true)), 'b');
});

test('the load of a ladder counts its pixels per second', () => {
  assert.equal(loadOfProfiles([profile(100, 10, 60000, 1001)]), (1000 * 60000) / 1001);
  assert.equal(loadOfProfiles([profile(100, 10, 0, 0)]), 30_000);
});
