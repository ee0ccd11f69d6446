import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../base/clock.ts';
import { newSessionId, secureRandom } from '../base/ids.ts';
import { createStreams } from './streams.ts';

const session = () => newSessionId(secureRandom);
const stream = (peer: string, name: string) => ({ peer, manifestId: Buffer.from(name) });

test('a stream is known by its gateway and its name', () => {
  const streams = createStreams(new FakeClock());
  const one = session();
  const two = session();
  streams.used(stream('a', 'x'), one);
  streams.used(stream('b', 'x'), two);
  assert.equal(streams.sessionOf(stream('a', 'x')), one);
  assert.equal(streams.sessionOf(stream('b', 'x')), two);
  assert.equal(streams.sessionOf(stream('a', 'y')), undefined);
  assert.equal(streams.sessionOf(stream('a x', '')), undefined);
});

test('a renewed session takes the stream over', () => {
  const streams = createStreams(new FakeClock());
  const renewed = session();
  streams.used(stream('a', 'x'), session());
  streams.used(stream('a', 'x'), renewed);
  assert.equal(streams.sessionOf(stream('a', 'x')), renewed);
});

test('a gateway is active until 70 s after its last segment', () => {
  const clock = new FakeClock();
  const streams = createStreams(clock);
  assert.equal(streams.isActive('a'), false);
  streams.used(stream('a', 'x'), session());
  clock.advance(69_000);
  assert.equal(streams.isActive('a'), true);
  streams.used(stream('a', 'y'), session());
  clock.advance(2_000);
  assert.equal(streams.sessionOf(stream('a', 'x')), undefined);
  assert.equal(streams.isActive('a'), true, 'by its other stream');
  clock.advance(70_000);
  assert.equal(streams.isActive('a'), false);
});

test('however many names gateways make up, the latest are remembered', () => {
  const streams = createStreams(new FakeClock());
  const kept = session();
  const first = stream('a', 'first');
  streams.used(first, session());
  for (let count = 0; count < 20_000; count += 1) {
    streams.used(stream(`peer ${count}`, `${count}`), kept);
  }
  assert.equal(streams.sessionOf(first), undefined);
  assert.equal(streams.isActive('a'), false);
  assert.equal(streams.sessionOf(stream('peer 19999', '19999')), kept);
});
