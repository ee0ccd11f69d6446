import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { wei } from '../base/money.ts';
import { type TicketParams, TicketParamsSchema } from '../protocol/gen/lp_rpc_pb.ts';
import { bigEndian } from './big-endian.ts';
import { winProbability } from './face-value.ts';
import { rational } from './rational.ts';
import type { SenderChainView, SendLimits } from './send-params.ts';

/** The paying side for tests: a sender with money, and parameters as an orchestrator hands them out. */
export const senderAddress: Uint8Array = Buffer.alloc(20, 9);

export const richView: SenderChainView = {
  deposit: wei(10n ** 18n),
  reserve: wei(10n ** 18n),
  withdrawRound: 0n,
  lastInitializedRound: 5n,
  lastL1Block: 100n,
  round: { creationRound: 5n, creationRoundBlockHash: Buffer.alloc(32, 3) },
};

export const testLimits: SendLimits = {
  maxTicketEv: rational(3_000n),
  maxTotalEv: rational(20_000n),
  depositMultiplier: 1n,
};

/** Parameters worth `ev` wei a ticket, a hair above as always; `rand` tells sets apart. */
export function ticketParams(
  changes: {
    readonly ev?: bigint;
    readonly faceValue?: bigint;
    readonly rand?: number;
    readonly expirationBlock?: bigint;
    readonly fields?: Omit<MessageInitShape<typeof TicketParamsSchema>, '$typeName'>;
  } = {},
): TicketParams {
  const { ev = 1_000n, rand = 1, expirationBlock = 140n, fields = {} } = changes;
  const { faceValue = 100n * ev } = changes;
  return create(TicketParamsSchema, {
    recipient: Buffer.alloc(20, 0xaa),
    faceValue: bigEndian(faceValue),
    winProb: bigEndian(faceValue === 0n ? 0n : winProbability(wei(faceValue), wei(ev))),
    recipientRandHash: Buffer.from(String(rand).padStart(64, '0'), 'hex'),
    seed: Buffer.alloc(32, 7),
    expirationBlock: bigEndian(expirationBlock),
    expirationParams: { creationRound: 5n, creationRoundBlockHash: Buffer.alloc(32, 3) },
    ...fields,
  });
}
