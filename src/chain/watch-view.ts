import type { Hex } from 'viem';
import { acceptGasPrice, type ChainView, type SenderState } from './view.ts';
import type { Alarms } from './watch-alarms.ts';
import { type Block, quantity } from './watch-blocks.ts';
import {
  ask,
  CALLS_PER_SENDER,
  factsKey,
  hashCalls,
  lowest,
  majority,
  type ReadPlace,
  readSender,
  readView,
  senderCalls,
  viewCalls,
  word,
} from './watch-reads.ts';
import type { Asker } from './watch-rpc.ts';

/** Reads facts as of one block, of all providers, and says when they differ. */
export interface ViewReader {
  /** Everything as of a block; undefined when no provider answers for it. */
  view(block: Block): Promise<ChainView | undefined>;
  /** The funds of these senders, in their order; undefined when no provider answers. */
  senders(senders: readonly string[], blockHash: Hex): Promise<readonly SenderState[] | undefined>;
}

/** Remembers what rarely changes: the hashes of a round, until it or the branch is another. */
export function createViewReader(parts: {
  readonly rpc: Asker;
  readonly place: ReadPlace;
  readonly arbitrum: boolean;
  readonly alarms: Alarms;
}): ViewReader {
  const { rpc, place, arbitrum, alarms } = parts;
  const reads = viewCalls(place);
  let gasPrice = 0n;

  /** What most say. */
  function agreed<T extends object>(answers: readonly (T | undefined)[]): T | undefined {
    const given = answers.filter((answer) => answer !== undefined);
    const { answer, differ } = majority(given, factsKey);
    if (differ) alarms.raise('view_differs');
    return answer;
  }

  async function hashes(round: bigint, blockHash: Hex) {
    const answers = await ask(rpc, hashCalls(place, round), blockHash);
    return agreed(
      answers.map(([of, before]) => {
        const [hash, previous] = [word(of), word(before)];
        return hash && previous ? { blockHash: hash, previousBlockHash: previous } : undefined;
      }),
    );
  }

  async function advisedGasPrice(baseFeePerGas: bigint): Promise<bigint> {
    const answers = await rpc.askAll<string>('eth_gasPrice', []);
    const prices = answers
      .map(({ value }) => quantity(value))
      .filter((price) => price !== undefined);
    gasPrice = acceptGasPrice(prices, { last: gasPrice, baseFeePerGas, arbitrum });
    return gasPrice;
  }

  return {
    async view(block) {
      const [answers, price] = await Promise.all([
        ask(rpc, reads, block.hash),
        advisedGasPrice(block.baseFeePerGas),
      ]);
      const facts = agreed(answers.map(readView));
      if (!facts) return undefined;
      const { lastInitialized, ...rest } = facts;
      const roundHashes = await hashes(lastInitialized, block.hash);
      if (!roundHashes) return undefined;
      return {
        block: block.number,
        blockHash: block.hash,
        l1Block: block.l1Block,
        at: block.at,
        baseFeePerGas: block.baseFeePerGas,
        gasPrice: price,
        round: { lastInitialized, ...roundHashes },
        ...rest,
      };
    },
    async senders(senders, blockHash) {
      const calls = senders.flatMap((sender) => senderCalls(place, sender));
      const answers = await ask(rpc, calls, blockHash);
      const states: SenderState[] = [];
      for (const [at] of senders.entries()) {
        const own = answers.flatMap((answer) => {
          const from = at * CALLS_PER_SENDER;
          const state = readSender(answer.slice(from, from + CALLS_PER_SENDER));
          return state ? [state] : [];
        });
        const [first, ...more] = own;
        if (!first) return undefined;
        if (majority(own, factsKey).differ) alarms.raise('funds_differ');
        states.push(lowest([first, ...more]));
      }
      return states;
    },
  };
}
