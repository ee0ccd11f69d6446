import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wei } from '../base/money.ts';
import type { TicketParams } from '../protocol/gen/lp_rpc_pb.ts';
import { rational } from './rational.ts';
import { richView, senderAddress, testLimits, ticketParams } from './send.test-kit.ts';
import { checkTicketParams, type SenderChainView, type SendLimits } from './send-params.ts';

function outcome(
  params: TicketParams | undefined,
  changes: {
    readonly count?: bigint;
    readonly limits?: Partial<SendLimits>;
    readonly view?: Partial<SenderChainView>;
  } = {},
) {
  const { count = 1n, limits, view } = changes;
  return checkTicketParams(
    params,
    senderAddress,
    count,
    { ...testLimits, ...limits },
    { ...richView, ...view },
  );
}

function textOf(...args: Parameters<typeof outcome>): string {
  const checked = outcome(...args);
  return checked.ok ? 'ok' : checked.text;
}

test('each fault of ticket parameters is refused with the words that gateways log', () => {
  const sound = ticketParams();
  const rows: readonly (readonly [string, string])[] = [
    [textOf(sound), 'ok'],
    [textOf(undefined), 'ticketParams is nil'],
    [
      textOf(ticketParams({ fields: { faceValue: Buffer.alloc(33, 1) } })),
      'ticketParams cannot be read',
    ],
    [
      textOf(ticketParams({ fields: { recipient: new Uint8Array(20) } })),
      'ticketParams name no recipient',
    ],
    [textOf(ticketParams({ expirationBlock: 0n })), 'ticketParams expiration block is 0'],
    [textOf(ticketParams({ expirationBlock: 102n })), 'ok'],
    [textOf(ticketParams({ expirationBlock: 101n })), 'TicketParams expired'],
    [textOf(ticketParams({ expirationBlock: 1n })), 'TicketParams expired'],
    [textOf(ticketParams({ faceValue: 1_000n })), 'ticket faceValue too low faceValue=1000'],
    // A hair above the limit, because the win probability is rounded up.
    [textOf(ticketParams({ ev: 3_000n })), 'ticket EV 3000.00000 > max ticket EV 3000'],
    [textOf(sound, { count: 19n }), 'ok'],
    [
      textOf(sound, { count: 20n }),
      'total ticket EV 20000.00000 for 20 tickets > max total ticket EV 20000',
    ],
    [textOf(sound, { view: { deposit: wei(100_000n) } }), 'ok'],
    [
      textOf(sound, { view: { deposit: wei(99_999n) } }),
      'ticket faceValue 100000 > max faceValue 99999',
    ],
    [
      textOf(sound, { limits: { depositMultiplier: 3n }, view: { deposit: wei(299_999n) } }),
      'ticket faceValue 100000 > max faceValue 99999',
    ],
    [textOf(sound, { view: { reserve: wei(0n) } }), 'no sender reserve'],
    [textOf(sound, { view: { deposit: wei(0n) } }), 'no sender deposit'],
    [textOf(sound, { view: { withdrawRound: 7n } }), 'ok'],
    [
      textOf(sound, { view: { withdrawRound: 6n } }),
      'unable to validate sender: deposit and reserve is set to unlock soon',
    ],
  ];
  for (const [text, expected] of rows) assert.equal(text, expected);
});

test('parameters that cost nothing need no money of ours', () => {
  const free = ticketParams({ faceValue: 0n });
  const checked = outcome(free, { view: { deposit: wei(0n), reserve: wei(0n) } });
  assert.deepEqual(checked.ok && checked.ev, rational(0n));
});

test('tickets name the recipient’s round, and ours where it names none', () => {
  const named = outcome(
    ticketParams({
      fields: {
        expirationParams: {
          $typeName: 'net.TicketExpirationParams',
          creationRound: 4n,
          creationRoundBlockHash: Buffer.alloc(32, 1),
        },
      },
    }),
  );
  assert.ok(named.ok && named.terms.creationRound === 4n);
  const zero = new Uint8Array(32);
  for (const [creationRound, creationRoundBlockHash] of [
    [0n, Buffer.alloc(32, 1)],
    [4n, zero],
  ] as const) {
    const $typeName = 'net.TicketExpirationParams' as const;
    const expirationParams = { $typeName, creationRound, creationRoundBlockHash };
    const left = outcome(ticketParams({ fields: { expirationParams } }));
    assert.ok(left.ok);
    assert.equal(left.terms.creationRound, richView.round.creationRound);
    assert.deepEqual(left.terms.creationRoundBlockHash, richView.round.creationRoundBlockHash);
  }
});
