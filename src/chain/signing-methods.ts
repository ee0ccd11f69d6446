import { type Abi, decodeFunctionData, encodeFunctionData, type Hex } from 'viem';
import { bondingManagerAbi } from './abi/bonding-manager.ts';
import { livepeerGovernorAbi } from './abi/livepeer-governor.ts';
import { livepeerTokenAbi } from './abi/livepeer-token.ts';
import { pollAbi } from './abi/poll.ts';
import { roundsManagerAbi } from './abi/rounds-manager.ts';
import { serviceRegistryAbi } from './abi/service-registry.ts';
import { ticketBrokerAbi } from './abi/ticket-broker.ts';
import type { SigningContract } from './signing-contracts.ts';
import type { SigningRole } from './signing-wire.ts';

/** What a call would do, as far as the policy has a word on it. Amounts in the asset's smallest unit. */
export interface Meaning {
  /** As the ABI names it; for logs and refusals. */
  readonly method: string;
  /** Accounts with one of these roles may call it. */
  readonly roles: readonly SigningRole[];
  /** Addresses that must be the on-chain orchestrator: delegates, ticket recipients. */
  readonly orchestrators?: readonly Hex[];
  /** Who may spend our LPT: must be a contract of the protocol that is bonded to. */
  readonly spender?: Hex;
  /** Who gets ETH out of the protocol. */
  readonly feesTo?: Hex;
  /** Who gets LPT. */
  readonly tokensTo?: Hex;
  /** Who may call reward for us: must be an account of this signer, or nobody. */
  readonly rewardCaller?: Hex;
  readonly serviceUri?: string;
  /** Wei that leave the protocol. */
  readonly eth?: bigint;
  /** LPT that are moved, bonded or unbonded; counted to the day. */
  readonly lpt?: bigint;
  /** LPT that somebody may move; not counted to the day, as the move itself is. */
  readonly allowance?: bigint;
}

/** How a method of a contract reads. Arguments are as viem decodes them by the ABI. */
type Reader = (args: readonly unknown[]) => Omit<Meaning, 'method'>;

const NODE: readonly SigningRole[] = ['node'];
const REDEEMERS: readonly SigningRole[] = ['node', 'redeemer'];
const REWARDERS: readonly SigningRole[] = ['node', 'reward_caller'];
const ALL: readonly SigningRole[] = ['node', 'redeemer', 'reward_caller'];

const own: Reader = () => ({ roles: NODE });
const ownUnbond: Reader = ([amount]) => ({ roles: NODE, lpt: amount as bigint });
const ownBond: Reader = ([amount, to]) => ({
  roles: NODE,
  lpt: amount as bigint,
  orchestrators: [to as Hex],
});
const rebondTo: Reader = ([to]) => ({ roles: NODE, orchestrators: [to as Hex] });
const rewardFor: Reader = ([orchestrator]) => ({
  roles: REWARDERS,
  orchestrators: [orchestrator as Hex],
});
const recipientOf = (ticket: unknown) => (ticket as { readonly recipient: Hex }).recipient;
const serviceUri: Reader = ([uri]) => ({ roles: NODE, serviceUri: uri as string });

interface KnownContract {
  readonly abi: Abi;
  readonly methods: Readonly<Record<string, Reader>>;
}

const registry: KnownContract = {
  abi: serviceRegistryAbi,
  methods: { setServiceURI: serviceUri },
};

/** Every method that can be signed at all; what is not here is refused whatever the settings say. */
const known: Readonly<Record<SigningContract, KnownContract>> = {
  BondingManager: {
    abi: bondingManagerAbi,
    methods: {
      bond: ownBond,
      bondWithHint: ownBond,
      unbond: ownUnbond,
      unbondWithHint: ownUnbond,
      rebond: own,
      rebondWithHint: own,
      rebondFromUnbonded: rebondTo,
      rebondFromUnbondedWithHint: rebondTo,
      withdrawStake: own,
      claimEarnings: own,
      transcoder: own,
      transcoderWithHint: own,
      reward: own,
      rewardWithHint: own,
      rewardForTranscoder: rewardFor,
      rewardForTranscoderWithHint: rewardFor,
      setRewardCaller: ([caller]) => ({ roles: NODE, rewardCaller: caller as Hex }),
      withdrawFees: ([to, amount]) => ({
        roles: NODE,
        feesTo: to as Hex,
        eth: amount as bigint,
      }),
    },
  },
  TicketBroker: {
    abi: ticketBrokerAbi,
    methods: {
      redeemWinningTicket: ([ticket]) => ({
        roles: REDEEMERS,
        orchestrators: [recipientOf(ticket)],
      }),
      batchRedeemWinningTickets: ([tickets]) => ({
        roles: REDEEMERS,
        orchestrators: (tickets as readonly unknown[]).map(recipientOf),
      }),
    },
  },
  RoundsManager: {
    abi: roundsManagerAbi,
    methods: { initializeRound: () => ({ roles: ALL }) },
  },
  ServiceRegistry: registry,
  AIServiceRegistry: registry,
  LivepeerToken: {
    abi: livepeerTokenAbi,
    methods: {
      approve: ([spender, amount]) => ({
        roles: NODE,
        spender: spender as Hex,
        allowance: amount as bigint,
      }),
      transfer: ([to, amount]) => ({
        roles: NODE,
        tokensTo: to as Hex,
        lpt: amount as bigint,
      }),
    },
  },
  LivepeerGovernor: {
    abi: livepeerGovernorAbi,
    methods: { castVote: own, castVoteWithReason: own },
  },
  Poll: { abi: pollAbi, methods: { vote: own } },
};

/** The result of {@link readCall}. */
export type ReadCall =
  | { readonly ok: true; readonly meaning: Meaning }
  | { readonly ok: false; readonly reason: 'method' | 'arguments' };

/**
 * What calling a contract with `data` means. Data that an ABI encoder would not have written, such
 * as with bytes to spare, is refused: then nobody could read it another way than we do.
 */
export function readCall(contract: SigningContract, data: Hex): ReadCall {
  const { abi, methods } = known[contract];
  let call: { readonly functionName: string; readonly args?: readonly unknown[] | undefined };
  let again: Hex;
  try {
    call = decodeFunctionData({ abi, data });
  } catch (error) {
    const unknown = (error as Error).name === 'AbiFunctionSignatureNotFoundError';
    return { ok: false, reason: unknown ? 'method' : 'arguments' };
  }
  const { functionName, args = [] } = call;
  const reader = Object.hasOwn(methods, functionName) ? methods[functionName] : undefined;
  if (!reader) return { ok: false, reason: 'method' };
  try {
    again = encodeFunctionData({ abi, functionName, args });
  } catch {
    return { ok: false, reason: 'arguments' };
  }
  if (again !== data) return { ok: false, reason: 'arguments' };
  return { ok: true, meaning: { method: functionName, ...reader(args) } };
}
