import { type Hex, numberToHex } from 'viem';
import { livepeerGovernorAbi } from '../chain/abi/livepeer-governor.ts';
import { roundsManagerAbi } from '../chain/abi/rounds-manager.ts';
import { larger, quantity, rangeFrom, smaller } from '../chain/watch-blocks.ts';
import type { OpenProposal, OpenProposals, Support } from './action-types.ts';
import type { DutiesParts } from './parts.ts';
import { type Made, readMade, readVote, topicsOf } from './proposal-events.ts';
import { answered, proposalFacts, STATES } from './vote-facts.ts';

type Parts = Pick<DutiesParts, 'providers' | 'contracts' | 'orchestrator' | 'clock'>;

/**
 * Blocks of the first question for events: as many as providers answer that answer few. It doubles
 * with every answer and halves with every refusal.
 */
const RANGE_START = 2_048n;
/** Looked for so long at one go; the next look goes on from there. A look at two weeks of blocks may take minutes. */
const LOOK_MS = 8_000;
/** The newest blocks are looked at again: they may have been replaced. */
const OVERLAP = 64n;
/** More open ones at once than any governor had; what strangers propose takes stake. */
const OPEN_MAX = 50;

/** What is known of the governor's proposals between two looks. */
export interface ProposalBook {
  /** The proposals that can be voted on now, or soon. Throws TributaryError `rpc_unavailable`. */
  open(): Promise<OpenProposals>;
}

/**
 * Finds open proposals by their events, the newest first. A contract lists none: they are as old as
 * the delay and the period of a vote, and no older block is looked at.
 * protocol: LivepeerGovernor.ProposalCreated, VoteCast
 */
export function createProposalBook(parts: Parts): ProposalBook {
  const { providers, contracts, orchestrator, clock } = parts;
  const { client } = providers;
  const found = new Map<bigint, Made>();
  /** Own votes never change. */
  const votes = new Map<bigint, Support>();
  /** Looked at, ends included; undefined before the first look. */
  let seen: { from: bigint; to: bigint } | undefined;
  let looking: Promise<OpenProposals> | undefined;

  const header = async (block: bigint | 'latest') => {
    const name = block === 'latest' ? block : numberToHex(block);
    const answer = await providers.request<Readonly<Record<string, string>> | null>(
      'eth_getBlockByNumber',
      [name, false],
    );
    const number = quantity(answer?.number);
    // On Arbitrum the protocol counts blocks of Ethereum.
    const counted = quantity(answer?.l1BlockNumber ?? answer?.number);
    const seconds = quantity(answer?.timestamp);
    if (number === undefined || counted === undefined || seconds === undefined) return undefined;
    return { number, counted, seconds };
  };

  /** The oldest block that counts as `counted`, or later. */
  async function firstFrom(counted: bigint, head: bigint): Promise<bigint> {
    let [low, high] = [0n, head];
    while (low < high) {
      const middle = (low + high) / 2n;
      const block = await header(middle);
      if (!block || block.counted < counted) low = middle + 1n;
      else high = middle;
    }
    return low;
  }

  /** Events of the governor in a range that the providers answer, from its upper end down. */
  async function logsBelow(
    to: bigint,
    from: bigint,
    topics: readonly (Hex | null)[],
    size: { now: bigint },
  ): Promise<{ readonly from: bigint; readonly logs: readonly unknown[] }> {
    for (;;) {
      const lower = to - size.now + 1n;
      const range = rangeFrom(lower > from ? lower : from, to, size.now) ?? { from: to, to };
      const filter = {
        address: contracts.governor,
        fromBlock: numberToHex(range.from),
        toBlock: numberToHex(range.to),
        topics,
      };
      const answer = await answered(providers.request<readonly unknown[]>('eth_getLogs', [filter]));
      if (Array.isArray(answer)) {
        size.now = larger(size.now);
        return { from: range.from, logs: answer };
      }
      const half = smaller(range);
      if (half === undefined) return { from: range.from, logs: [] };
      size.now = half;
    }
  }

  /** Looks until there is nothing more to see or the time is over; whether all was seen. */
  async function look(floor: bigint, head: bigint, until: number): Promise<boolean> {
    const size = { now: RANGE_START };
    const take = (logs: readonly unknown[]) => {
      for (const log of logs) {
        const made = readMade(log);
        if (made) found.set(made.id, made);
      }
    };
    const down = async (from: bigint, to: bigint, seenTo: (from: bigint) => void) => {
      let top = to;
      while (top >= from) {
        const part = await logsBelow(top, from, topicsOf.created, size);
        take(part.logs);
        seenTo(part.from);
        top = part.from - 1n;
        if (clock.now() > until) return top < from;
      }
      return true;
    };
    if (seen) {
      const from = seen.to > OVERLAP ? seen.to - OVERLAP : 0n;
      // Kept only when it was seen whole: a gap would never be looked at again.
      if (!(await down(from > floor ? from : floor, head, () => {}))) return false;
      seen = { from: seen.from, to: head };
    } else seen = { from: head + 1n, to: head };
    const known = seen;
    return down(floor, known.from - 1n, (from) => {
      seen = { from, to: known.to };
    });
  }

  /** What this orchestrator voted, by the event of its vote. */
  async function ownVote({ id, block }: Made, head: bigint): Promise<Support | undefined> {
    const known = votes.get(id);
    if (known) return known;
    const size = { now: RANGE_START };
    for (let top = head; top >= block; ) {
      const part = await logsBelow(top, block, topicsOf.voteBy(orchestrator), size);
      for (const log of part.logs) {
        const vote = readVote(log);
        if (vote) votes.set(vote.proposal, vote.support);
      }
      if (votes.has(id)) break;
      top = part.from - 1n;
    }
    return votes.get(id);
  }

  async function open(): Promise<OpenProposals> {
    const address = contracts.governor;
    if (!address) return { governor: undefined, round: 0n, isComplete: true, items: [] };
    const until = clock.now() + LOOK_MS;
    const governor = { address, abi: livepeerGovernorAbi } as const;
    const rounds = { address: contracts.roundsManager, abi: roundsManagerAbi } as const;
    const [head, round, start, length, delay, period] = await Promise.all([
      header('latest'),
      client.readContract({ ...rounds, functionName: 'currentRound' }),
      client.readContract({ ...rounds, functionName: 'currentRoundStartBlock' }),
      client.readContract({ ...rounds, functionName: 'roundLength' }),
      client.readContract({ ...governor, functionName: 'votingDelay' }),
      client.readContract({ ...governor, functionName: 'votingPeriod' }),
    ]);
    if (!head) return { governor: address, round, isComplete: false, items: [] };
    // Whatever is open was proposed within these rounds.
    const reach = (delay + period + 1n) * length;
    const floor = await floorOf(start > reach ? start - reach : 0n, head.number);
    const isComplete = await look(floor, head.number, until);
    const oldest = await header(floor);
    const items: OpenProposal[] = [];
    for (const made of [...found.values()].toSorted((a, b) => Number(b.block - a.block))) {
      if (items.length >= OPEN_MAX) break;
      const facts = await proposalFacts(parts, made.id);
      const state = facts?.state === undefined ? undefined : STATES[facts.state];
      if (!facts || (state !== 'pending' && state !== 'active')) {
        // It is over, or its block was replaced: it is not asked for again.
        found.delete(made.id);
        continue;
      }
      const [[against, inFavour, abstain], quorum] = await Promise.all([
        client.readContract({ ...governor, functionName: 'proposalVotes', args: [made.id] }),
        answered(
          client.readContract({ ...governor, functionName: 'quorum', args: [made.voteStart] }),
        ),
      ]);
      const left = start + (made.voteEnd - round + 1n) * length - head.counted;
      items.push({
        ...{ id: made.id, title: made.title, description: made.description, state },
        ...{ proposer: made.proposer, calls: made.calls },
        opensWithRound: made.voteStart + 1n,
        lastRound: made.voteEnd,
        endsAt: momentAfter(left, head, oldest),
        votes: { for: inFavour, against, abstain },
        quorum,
        power: facts.power,
        hasVoted: facts.hasVoted,
        vote: facts.hasVoted ? await ownVote(made, head.number) : undefined,
      });
    }
    return { governor: address, round, isComplete, items };
  }

  let floorKnown: { readonly counted: bigint; readonly block: bigint } | undefined;
  /** Found once for each round. */
  async function floorOf(counted: bigint, head: bigint): Promise<bigint> {
    if (floorKnown?.counted === counted) return floorKnown.block;
    const block = counted === 0n ? 0n : await firstFrom(counted, head);
    floorKnown = { counted, block };
    return block;
  }

  return {
    // Two that ask at once get one answer.
    open() {
      looking ??= open().finally(() => {
        looking = undefined;
      });
      return looking;
    },
  };
}

interface Counted {
  readonly counted: bigint;
  readonly seconds: bigint;
}

/** When so many blocks more are there, as fast as they came until now; undefined where nothing tells. */
function momentAfter(
  blocks: bigint,
  head: Counted,
  oldest: Counted | undefined,
): number | undefined {
  if (!oldest || head.counted <= oldest.counted || head.seconds <= oldest.seconds) return undefined;
  const perBlock = Number(head.seconds - oldest.seconds) / Number(head.counted - oldest.counted);
  return (Number(head.seconds) + Number(blocks) * perBlock) * 1_000;
}
