import {
  type Address,
  decodeEventLog,
  encodeAbiParameters,
  type Hex,
  keccak256,
  pad,
  parseAbiParameters,
  stringToHex,
  toEventSelector,
} from 'viem';
import { livepeerGovernorAbi } from '../chain/abi/livepeer-governor.ts';
import { quantity } from '../chain/watch-blocks.ts';
import type { Support } from './action-types.ts';

/** Anybody with stake writes it: longer ones are cut. */
const TITLE_CHARS_MAX = 200;
const DESCRIPTION_CHARS_MAX = 20_000;

/** protocol: LivepeerGovernor.hashProposal */
const HASHED = parseAbiParameters('address[], uint256[], bytes[], bytes32');

const SUPPORT: readonly Support[] = ['against', 'for', 'abstain'];

/** A proposal as it was made. */
export interface Made {
  readonly id: bigint;
  readonly proposer: Address;
  /** The first line of its text. */
  readonly title: string;
  /** The lines after the first. */
  readonly description: string;
  /** What it would call when it wins, one for each call. */
  readonly calls: number;
  /** Rounds: votes count after the first and until the end of the last. */
  readonly voteStart: bigint;
  readonly voteEnd: bigint;
  readonly block: bigint;
}

const topicOf = (name: 'ProposalCreated' | 'VoteCast'): Hex => {
  const event = livepeerGovernorAbi.find((one) => one.type === 'event' && one.name === name);
  if (event?.type !== 'event') throw new RangeError(`the governor has no event ${name}`);
  return toEventSelector(event);
};

/** What a node is asked for. */
export const topicsOf = {
  created: [topicOf('ProposalCreated')],
  voteBy: (voter: Address): readonly Hex[] => [topicOf('VoteCast'), pad(voter, { size: 32 })],
} as const;

/** What a node calls a log; undefined where it is none of a proposal. */
export function readMade(log: unknown): Made | undefined {
  const read = decoded(log);
  if (read?.event.eventName !== 'ProposalCreated') return undefined;
  const { proposalId, proposer, targets, values, calldatas, voteStart, voteEnd, description } =
    read.event.args;
  // The number is a digest of what is proposed: nobody can give it another text.
  const digest = keccak256(
    encodeAbiParameters(HASHED, [targets, values, calldatas, keccak256(stringToHex(description))]),
  );
  if (BigInt(digest) !== proposalId) return undefined;
  const [first = '', ...rest] = printable(description).trim().split('\n');
  const title = first.replace(/^[#*_\s]+|[*_\s]+$/g, '').slice(0, TITLE_CHARS_MAX);
  return {
    ...{ id: proposalId, proposer, calls: targets.length, voteStart, voteEnd, block: read.block },
    title: title === '' ? 'Without a title' : title,
    description: rest.join('\n').trim().slice(0, DESCRIPTION_CHARS_MAX),
  };
}

/** A vote that was cast; undefined where it is none. */
export function readVote(
  log: unknown,
): { readonly proposal: bigint; readonly support: Support } | undefined {
  const read = decoded(log);
  if (read?.event.eventName !== 'VoteCast') return undefined;
  const support = SUPPORT[read.event.args.support];
  return support && { proposal: read.event.args.proposalId, support };
}

function decoded(log: unknown) {
  const { data, topics, blockNumber } = log as {
    readonly data?: Hex;
    readonly topics?: [Hex, ...Hex[]];
    readonly blockNumber?: string;
  };
  const block = quantity(blockNumber);
  if (data === undefined || topics === undefined || block === undefined) return undefined;
  try {
    return { block, event: decodeEventLog({ abi: livepeerGovernorAbi, data, topics }) };
  } catch {
    return undefined; // of another contract, or no log at all
  }
}

/** Without signs that would move the cursor of a terminal or turn the direction of a text. */
function printable(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(/[^\P{C}\n]/gu, '');
}
