import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Hex } from 'viem';
import { instant } from '../base/clock.ts';
import { type Happening, intentOf } from './journal.test-kit.ts';
import { journalAlarms, restore, step, watchedHashes } from './journal.ts';
import type {
  IntentId,
  JournalAction,
  JournalEvent,
  JournalRules,
  JournalWrite,
  OpenEntry,
  Receipt,
  SignRequest,
  View,
} from './journal-types.ts';

const rules: JournalRules = {
  self: '0x02',
  cancelGasLimit: 100n,
  maxFeePerGas: 1_000n,
  worthShare: { numerator: 1n, denominator: 10n },
  inFlightMax: 2,
  resendMs: 4_000,
  replaceAfterMs: 6_000,
  giveUpAfterMs: 20_000,
  signTimeoutMs: 5_000,
  retryMs: 500,
};
const view: View = { latestNonce: 7, finalNonce: 7, baseFeePerGas: 50n, priorityFeePerGas: 1n };

test('an intent is stored, signed, stored, sent, included and final', () => {
  const journal = start();
  const wrote = journal.happen({ event: 'intended', intent: intentOf('reward:1') });
  assert.deepEqual(wrote.writes.map(summary), ['reward:1 intended']);
  const { ask, nonce, maxFeePerGas } = journal.asked();
  assert.deepEqual({ nonce, maxFeePerGas }, { nonce: 7, maxFeePerGas: 101n });
  const signed = journal.happen({ event: 'signed', ask, raw: '0xaa', hash: '0xa1' });
  assert.deepEqual(signed.writes.map(summary), ['attempt 0xa1 at 7', 'reward:1 signed']);
  assert.deepEqual(signed.actions, [{ action: 'broadcast', nonce: 7, hash: '0xa1', raw: '0xaa' }]);
  const taken = journal.happen({ event: 'answered', hash: '0xa1', answer: 'accepted' });
  assert.deepEqual(taken.writes.map(summary), ['reward:1 broadcast']);
  const seen = journal.observe({ latestNonce: 8 }, [receipt('0xa1', false)]);
  assert.deepEqual(seen.writes.map(summary), ['reward:1 included']);
  const done = journal.observe({ latestNonce: 8, finalNonce: 8 }, [receipt('0xa1', true)]);
  assert.deepEqual(done.writes.map(summary), ['reward:1 final']);
  assert.equal(done.actions[0]?.action, 'settled');
  assert.deepEqual(watchedHashes(journal.state()), []);
});

test('after a restart the stored bytes are sent, and nothing is signed for them anew', () => {
  const before = start();
  before.send('reward:1', '0xaa');
  const entries = [...before.state().entries.values()];
  const after = start(entries);
  const { actions } = after.observe({});
  assert.deepEqual(actions, [{ action: 'broadcast', nonce: 7, hash: '0xaa01', raw: '0xaa' }]);
});

test('a nonce goes out only after the one before it was taken', () => {
  const journal = start();
  journal.send('a', '0xaa', 'no answer');
  const { actions } = journal.send('b', '0xbb', 'no answer');
  assert.deepEqual(actions, []);
  const next = journal.happen({ event: 'answered', hash: '0xaa01', answer: 'accepted' });
  assert.deepEqual(next.actions.map(kindOf), ['broadcast 8']);
});

test('no more nonces are under way at once than allowed', () => {
  const journal = start();
  journal.send('a', '0xaa');
  journal.send('b', '0xbb');
  const { actions } = journal.happen({ event: 'intended', intent: intentOf('c') });
  assert.deepEqual(actions, []);
  const more = journal.observe({ latestNonce: 8 }, [receipt('0xaa01', false)]);
  assert.deepEqual(more.actions.map(kindOf), ['sign c 9']);
});

test('bytes that come back after somebody else took their nonce are never sent', () => {
  const journal = start();
  journal.happen({ event: 'intended', intent: intentOf('a') });
  const { ask } = journal.asked();
  journal.observe({ latestNonce: 8 });
  const { writes, actions } = journal.happen({ event: 'signed', ask, raw: '0xaa', hash: '0xa1' });
  assert.deepEqual(writes, []);
  assert.deepEqual(actions.map(kindOf), ['sign a 8']);
});

test('another nonce is taken only on proof that the old one is used up for ever', () => {
  const journal = start();
  journal.send('a', '0xaa');
  assert.deepEqual(journal.observe({ latestNonce: 8 }).actions, []);
  const { actions } = journal.observe({ latestNonce: 8, finalNonce: 8 });
  assert.deepEqual(actions, [{ action: 'find', nonce: 7 }]);
  const own = journal.happen({ event: 'nonce_taken', nonce: 7, hash: '0xaa01' });
  assert.deepEqual(own.writes, []);
  const foreign = journal.happen({ event: 'nonce_taken', nonce: 7, hash: '0xff' });
  assert.deepEqual(foreign.writes.map(summary), ['7 of a taken by 0xff', 'a intended']);
  assert.deepEqual(foreign.actions.map(kindOf), ['sign a 8']);
});

test('providers that disagree, or one that contradicts itself, stop all sending', () => {
  const journal = start();
  journal.send('a', '0xaa');
  journal.observe({ latestNonce: 8, finalNonce: 8 }, [receipt('0xaa01', true)]);
  journal.happen({ event: 'disagreed', reason: 'nonce' });
  const { actions } = journal.happen({ event: 'intended', intent: intentOf('b') });
  assert.deepEqual(actions, []);
  assert.deepEqual(journal.alarms(), [{ alarm: 'paused', reason: 'nonce' }]);
  const lies: readonly [Partial<View>, readonly Receipt[], string][] = [
    [{ latestNonce: 7, finalNonce: 7 }, [], 'final_undone'],
    [{ latestNonce: 8, finalNonce: 9 }, [], 'nonces_contradict'],
  ];
  for (const [lie, receipts, reason] of lies) {
    assert.deepEqual(journal.observe(lie, receipts).actions, []);
    assert.deepEqual(journal.alarms(), [{ alarm: 'paused', reason }]);
  }
  const agreed = journal.observe({ latestNonce: 8, finalNonce: 8 });
  assert.deepEqual(agreed.actions.map(kindOf), ['sign b 8']);
  assert.deepEqual(journal.alarms(), []);
});

test('a receipt that the nonces speak against is not believed', () => {
  const journal = start();
  journal.send('a', '0xaa');
  for (const final of [true, false]) {
    assert.deepEqual(journal.observe({}, [receipt('0xaa01', final)]).writes, []);
    assert.deepEqual(journal.alarms()[0], { alarm: 'paused', reason: 'receipt_contradicts' });
  }
});

test('when gas gets dearer the transaction is replaced, up to the ceiling', () => {
  const journal = start();
  journal.send('a', '0xaa');
  journal.pass(rules.replaceAfterMs);
  assert.deepEqual(journal.observe({ baseFeePerGas: 100n }).actions.map(kindOf), ['broadcast 7']);
  const { actions } = journal.observe({ baseFeePerGas: 200n });
  assert.deepEqual(actions.map(kindOf), ['sign a 7']);
  const { ask, maxFeePerGas, kind } = journal.asked();
  assert.deepEqual({ kind, maxFeePerGas }, { kind: 'work', maxFeePerGas: 402n });
  journal.happen({ event: 'signed', ask, raw: '0xab', hash: '0xab01' });
  assert.deepEqual(watchedHashes(journal.state()), ['0xaa01', '0xab01']);
  journal.pass(rules.replaceAfterMs);
  const tooDear = journal.observe({ baseFeePerGas: 10_000n });
  assert.deepEqual(tooDear.actions.map(kindOf), ['broadcast 7']);
  journal.pass(rules.giveUpAfterMs);
  assert.deepEqual(journal.alarms(), [{ alarm: 'stuck', intent: 'a' }]);
});

test('what is worth little waits for cheap gas and lets others pass', () => {
  const journal = start();
  journal.happen({ event: 'intended', intent: intentOf('cheap', 40_000n) });
  const { actions } = journal.happen({ event: 'intended', intent: intentOf('dear') });
  assert.deepEqual(actions.map(kindOf), ['sign dear 7']);
});

test('what holds others up and may not pay more gives its nonce up, and comes back later', () => {
  const journal = start();
  journal.send('cheap', '0xaa', 'accepted', 60_000n);
  journal.happen({ event: 'intended', intent: intentOf('dear') });
  journal.happen({ event: 'sign_failed', ask: journal.asked().ask, reason: 'unavailable' });
  journal.pass(rules.giveUpAfterMs);
  const { actions } = journal.observe({ baseFeePerGas: 300n });
  assert.deepEqual(actions.map(kindOf), ['broadcast 7', 'sign cheap 7']);
  const { ask, kind, to, value } = journal.asked();
  assert.deepEqual({ kind, to, value }, { kind: 'cancel', to: rules.self, value: 0n });
  journal.happen({ event: 'signed', ask, raw: '0xac', hash: '0xac01' });
  journal.happen({ event: 'answered', hash: '0xac01', answer: 'accepted' });
  const final = journal.observe({ latestNonce: 8, finalNonce: 8, baseFeePerGas: 300n }, [
    receipt('0xac01', true),
  ]);
  assert.deepEqual(final.writes.map(summary), ['7 of cheap taken by 0xac01', 'cheap intended']);
});

test('withdrawn before it is signed, it ends; after that its nonce is used up for nothing', () => {
  const early = start();
  early.happen({ event: 'intended', intent: intentOf('a') });
  const { ask } = early.asked();
  const gone = early.happen({ event: 'withdrawn', id: 'a' as IntentId });
  assert.deepEqual(gone.writes.map(summary), ['a failed']);
  assert.deepEqual(early.happen({ event: 'signed', ask, raw: '0xaa', hash: '0xa1' }).writes, []);

  const late = start();
  late.send('a', '0xaa');
  const { actions } = late.happen({ event: 'withdrawn', id: 'a' as IntentId });
  assert.deepEqual(actions.map(kindOf), ['sign a 7']);
  assert.equal(late.asked().kind, 'cancel');
});

test('a signer that refuses ends the intent, and its nonce goes to the next', () => {
  const journal = start();
  journal.happen({ event: 'intended', intent: intentOf('a') });
  journal.happen({ event: 'intended', intent: intentOf('b') });
  const { ask } = journal.asked();
  const { writes, actions } = journal.happen({ event: 'sign_failed', ask, reason: 'refused' });
  assert.deepEqual(writes.map(summary), ['a failed']);
  assert.deepEqual(actions.map(kindOf), ['settled', 'sign b 7']);
});

test('without gas money it says so and tries again', () => {
  const journal = start();
  journal.send('a', '0xaa', 'insufficient_funds');
  assert.deepEqual(journal.alarms(), [{ alarm: 'out_of_funds' }]);
  journal.pass(rules.retryMs);
  assert.deepEqual(journal.happen({ event: 'ticked' }).actions.map(kindOf), ['broadcast 7']);
  journal.happen({ event: 'answered', hash: '0xaa01', answer: 'accepted' });
  assert.deepEqual(journal.alarms(), []);
});

/** A journal that has seen the chain once. */
function start(entries: readonly OpenEntry[] = []) {
  let state = restore({ entries, nonceFloor: 0 });
  let now = 1_000_000;
  let request: SignRequest | undefined;
  const happen = (event: Happening) => {
    const next = step(state, { ...event, at: instant(now) } as JournalEvent, rules);
    state = next.state;
    for (const action of next.actions) if (action.action === 'sign') request = action.request;
    return next;
  };
  const asked = (): SignRequest => {
    assert.ok(request);
    return request;
  };
  const journal = {
    happen,
    asked,
    state: () => state,
    alarms: () => journalAlarms(state, rules, instant(now)),
    pass: (ms: number) => {
      now += ms;
    },
    observe: (change: Partial<View>, receipts: readonly Receipt[] = []) =>
      happen({ event: 'observed', view: { ...view, ...change }, receipts }),
    send(
      id: string,
      raw: Hex,
      answer: 'no answer' | 'accepted' | 'insufficient_funds' = 'accepted',
      worthWei?: bigint,
    ) {
      happen({ event: 'intended', intent: intentOf(id, worthWei) });
      const signed = happen({ event: 'signed', ask: asked().ask, raw, hash: `${raw}01` });
      if (answer === 'no answer') return signed;
      return happen({ event: 'answered', hash: `${raw}01`, answer });
    },
  };
  if (entries.length === 0) journal.observe({});
  return journal;
}

function receipt(hash: Hex, final: boolean): Receipt {
  return { hash, final, block: 3n, succeeded: true };
}

function kindOf(action: JournalAction): string {
  if (action.action === 'sign') return `sign ${action.request.intent} ${action.request.nonce}`;
  return action.action === 'settled' ? 'settled' : `${action.action} ${action.nonce}`;
}

function summary(write: JournalWrite): string {
  if (write.write === 'entry') return `${write.entry.intent.id} ${write.entry.state}`;
  if (write.write === 'attempt') return `attempt ${write.attempt.hash} at ${write.nonce}`;
  return `${write.nonce} of ${write.intent} taken by ${write.by}`;
}
