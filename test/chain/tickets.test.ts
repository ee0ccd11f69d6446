import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import {
  concat,
  encodeAbiParameters,
  type Hex,
  numberToHex,
  slice,
  zeroAddress,
  zeroHash,
} from 'viem';
import { type Call, LPT, type Protocol, startProtocol, type Ticket } from './protocol.ts';

let protocol: Protocol;
let snapshot: Hex;

before(async () => {
  protocol = await startProtocol();
  await protocol.bond('orchestrator', 'orchestrator', 1_000n * LPT);
  await protocol.nextRound();
  await protocol.send('gateway', {
    ...broker('fundDepositAndReserve', 10_000n, 6_000n),
    value: 16_000n,
  });
});
after(() => protocol?.devnet.stop());
beforeEach(async () => {
  snapshot = await protocol.snapshot();
});
afterEach(() => protocol.revertTo(snapshot));

test('each fault of a ticket is refused with its own text', async () => {
  const round = (await protocol.read({
    contract: 'RoundsManager',
    fn: 'lastInitializedRound',
  })) as bigint;
  const aux = (creationRound: bigint, hash: Hex) =>
    encodeAbiParameters([{ type: 'uint256' }, { type: 'bytes32' }], [creationRound, hash]);
  const faults: readonly (readonly [Partial<Ticket>, string])[] = [
    [{ recipient: zeroAddress }, 'ticket recipient is null address'],
    [{ sender: zeroAddress }, 'ticket sender is null address'],
    [{ auxData: '0x' }, 'invalid length for ticket auxData: must be 64 bytes'],
    [{ auxData: aux(round + 1n, zeroHash) }, 'ticket creationRound does not have a block hash'],
    [{ auxData: aux(round, zeroHash) }, 'ticket creationRoundBlockHash invalid for creationRound'],
    [{ recipientRandHash: zeroHash }, 'recipientRand does not match recipientRandHash'],
    [{ sender: protocol.of('gateway2') }, 'invalid signature over ticket hash'],
    [{ winProb: 0n }, 'ticket did not win'],
    [{ recipient: protocol.of('node') }, 'transcoder must be registered'],
  ];
  for (const [changes, text] of faults) {
    assert.equal(await protocol.revert('node', redemption(await protocol.ticket(changes))), text);
  }
});

test('only the one form of a signature that wallets make counts', async () => {
  const sound = await protocol.ticket();
  const [r, s] = [slice(sound.signature, 0, 32), slice(sound.signature, 32, 64)];
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const mirrored = numberToHex(order - BigInt(s), { size: 32 });
  const v = slice(sound.signature, 64);
  const forms: readonly (readonly [Hex, string])[] = [
    [slice(sound.signature, 0, 64), 'INVALID_SIGNATURE_LENGTH'],
    [concat([sound.signature, '0x00']), 'INVALID_SIGNATURE_LENGTH'],
    [concat([r, mirrored, v === '0x1b' ? '0x1c' : '0x1b']), "ECDSA: invalid signature 's' value"],
    [concat([r, s, '0x01']), 'ECDSA: invalid signature'],
    [concat([r, s, v === '0x1b' ? '0x1c' : '0x1b']), 'invalid signature over ticket hash'],
  ];
  for (const [signature, text] of forms) {
    assert.equal(await protocol.revert('node', redemption({ ...sound, signature })), text);
  }
  assert.equal(await protocol.revert('node', redemption(sound)), undefined);
});

test('a ticket is paid once', async () => {
  const ticket = await protocol.ticket();
  await protocol.send('node', redemption(ticket));
  assert.equal(await protocol.revert('node', redemption(ticket)), 'ticket is used');
});

test('a batch pays what can be paid and passes over the rest', async () => {
  const tickets = [
    await protocol.ticket(),
    await protocol.ticket({ winProb: 0n }),
    await protocol.ticket({ faceValue: 2_000n }),
  ];
  const twice = [...tickets, tickets[0] as (typeof tickets)[0]];
  const events = await protocol.send('redeemer', batch(twice));
  assert.deepEqual(events, [
    'WinningTicketTransfer',
    'WinningTicketRedeemed',
    'WinningTicketTransfer',
    'WinningTicketRedeemed',
  ]);
  const used = tickets.map(({ hash }) => protocol.read(broker('usedTickets', hash)));
  assert.deepEqual(await Promise.all(used), [true, false, true]);
  assert.equal(await fees(), 3_000n);

  assert.deepEqual(await protocol.send('redeemer', batch([])), []);
  const short = broker(
    'batchRedeemWinningTickets',
    twice.map(({ ticket }) => ticket),
    [],
    [],
  );
  assert.equal(await protocol.revert('redeemer', short), 'Panic 50');
});

test('a pool that grew after a claim makes the reserve unclaimable, not negative', async () => {
  await protocol.send('node', redemption(await protocol.ticket({ faceValue: 16_000n })));
  assert.equal(await fees(), 16_000n);
  await protocol.send('gateway', { ...broker('fundReserve'), value: 1_000n });
  await protocol.bond('orchestrator2', 'orchestrator2', LPT);
  const claimable = broker('claimableReserve', protocol.of('gateway'), protocol.of('orchestrator'));
  assert.equal(await protocol.revert('node', claimable), 'Panic 17');
  const next = redemption(await protocol.ticket({ faceValue: 1n }));
  assert.equal(await protocol.revert('node', next), 'Panic 17');
});

test('an unregistered recipient that was just registered waits for its first round', async () => {
  await protocol.bond('orchestrator2', 'orchestrator2', LPT);
  const early = await protocol.ticket({ recipient: protocol.of('orchestrator2') });
  assert.equal(await protocol.revert('node', redemption(early)), 'Panic 18');
  await protocol.nextRound();
  assert.equal(await protocol.revert('node', redemption(early)), undefined);
});

test('fees are withdrawn to the wei', async () => {
  await protocol.send('node', redemption(await protocol.ticket({ faceValue: 1_234n })));
  const address = '0x00000000000000000000000000000000000000fe';
  await protocol.send('orchestrator', {
    contract: 'BondingManager',
    fn: 'withdrawFees',
    args: [address, 1_234n],
  });
  assert.equal(await protocol.reader.getBalance({ address }), 1_234n);
  const minter = protocol.devnet.addresses.Minter;
  assert.equal(await protocol.reader.getBalance({ address: minter }), 16_000n - 1_234n);
});

type Signed = Awaited<ReturnType<Protocol['ticket']>>;

function broker(fn: string, ...args: readonly unknown[]): Call {
  return { contract: 'TicketBroker', fn, args };
}

function redemption({ ticket, signature, recipientRand }: Signed): Call {
  return broker('redeemWinningTicket', ticket, signature, recipientRand);
}

function batch(tickets: readonly Signed[]): Call {
  return broker(
    'batchRedeemWinningTickets',
    tickets.map(({ ticket }) => ticket),
    tickets.map(({ signature }) => signature),
    tickets.map(({ recipientRand }) => recipientRand),
  );
}

async function fees(): Promise<unknown> {
  const args = [protocol.of('orchestrator'), 0n];
  return protocol.read({ contract: 'BondingManager', fn: 'pendingFees', args });
}
