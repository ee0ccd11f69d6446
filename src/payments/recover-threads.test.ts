import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { wei } from '../base/money.ts';
import { keySigner, signMessage } from '../protocol/signature.ts';
import { createRecovery } from './recover-threads.ts';
import { draw, packTicket, type TicketTerms, ticketDigest } from './ticket.ts';

const key = Buffer.alloc(32, 7);
const signer = keySigner(key);
const rand = Buffer.alloc(32, 3);
const terms: TicketTerms = {
  recipient: Buffer.alloc(20, 1),
  sender: signer.address,
  faceValue: wei(1000n),
  winProb: 2n ** 255n,
  recipientRandHash: Buffer.alloc(32, 2),
  creationRound: 4n,
  creationRoundBlockHash: Buffer.alloc(32, 5),
};
const sign = (nonce: number) => signMessage(key, packTicket({ ...terms, nonce }));

const recovery = createRecovery({ threads: 2 });
after(() => recovery.close());

test('a payment of 300 tickets comes back from the threads in its order, a bad one with no signer', async () => {
  const tickets = Array.from({ length: 300 }, (_, nonce) => ({ nonce, sig: sign(nonce) }));
  tickets[150] = { nonce: 150, sig: sign(151) };
  tickets[151] = { nonce: 151, sig: new Uint8Array(64) };
  const high = Uint8Array.from(sign(152));
  high.fill(0xff, 32, 64);
  tickets[152] = { nonce: 152, sig: high };
  const examined = await recovery.examine({ terms, recipientRand: rand, tickets });
  assert.equal(examined.length, 300);
  for (const [at, { sig }] of tickets.entries()) {
    if (at >= 150 && at <= 152) {
      assert.notDeepEqual(examined[at]?.signer, signer.address);
      continue;
    }
    assert.deepEqual(examined[at]?.signer, signer.address);
    assert.deepEqual(examined[at]?.draw, draw(sig, rand));
  }
  assert.equal(examined[151]?.signer, undefined);
  assert.equal(examined[152]?.signer, undefined);
});

test('signatures over any digest give their addresses', async () => {
  const items = Array.from({ length: 10 }, (_, nonce) => ({
    digest: ticketDigest({ ...terms, nonce }),
    sig: nonce === 3 ? new Uint8Array(65) : sign(nonce),
  }));
  const addresses = await recovery.recoverBatch(items);
  assert.deepEqual(
    addresses,
    items.map((_, at) => (at === 3 ? undefined : signer.address)),
  );
  assert.deepEqual(await recovery.recoverBatch([]), []);
});

test('more than can be checked in time is refused, and later work goes on', async () => {
  const sig = sign(1);
  const tickets = Array.from({ length: 20_001 }, () => ({ nonce: 1, sig }));
  await assert.rejects(recovery.examine({ terms, recipientRand: rand, tickets }), {
    code: 'recovery_busy',
  });
  const [one] = await recovery.examine({
    terms,
    recipientRand: rand,
    tickets: [{ nonce: 1, sig }],
  });
  assert.deepEqual(one?.signer, signer.address);
});

test('what still runs when recovery is closed rejects', async () => {
  const closing = createRecovery({ threads: 1 });
  const running = closing.recoverBatch([{ digest: new Uint8Array(32), sig: sign(1) }]);
  const rejected = assert.rejects(running, { code: 'recovery_closed' });
  await closing.close();
  await rejected;
  await assert.rejects(closing.recoverBatch([]), { code: 'recovery_closed' });
});
