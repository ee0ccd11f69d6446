import { type AssetId, LPT } from '../base/asset.ts';
import { toHex } from '../proofs/bytes.ts';
import type { IndexFile, PayoutsFile } from '../proofs/files.ts';
import type { EpochInput } from '../terms/settle-types.ts';
import type { Terms } from '../terms/terms.ts';
import {
  type ChainLog,
  type ChainTransaction,
  type VerifyChain,
  type VerifyParts,
  Wrong,
} from './verify-types.ts';

type Payout = PayoutsFile['payouts'][number];
type IncomeLine = EpochInput['incomeLines'][number];

/** What stands on the chain, held against what is published. Each transaction is asked for once. */
export interface ChainCheck {
  /** Income that names transactions: all of them are there, final, and paid what is said. */
  income(epoch: bigint, line: IncomeLine): Promise<void>;
  /**
   * Payments to a worker: there, final, to its address, and not less than is said, also together with
   * what earlier calls were told of the same transaction.
   */
  payouts(epoch: bigint, payouts: readonly Payout[], terms: Terms): Promise<void>;
}

const utf8 = new TextEncoder();

/** Throws {@link Wrong} when the chain is another one than the index names. */
export async function openChainCheck(
  chain: VerifyChain,
  { keccak256 }: Pick<VerifyParts, 'keccak256'>,
  index: Pick<IndexFile, 'pool' | 'chainId' | 'account'>,
): Promise<ChainCheck> {
  const chainId = await chain.chainId();
  if (chainId !== index.chainId) {
    throw new Wrong(
      'chain_differs',
      `the pool is on chain ${index.chainId}, and --rpc serves ${chainId}`,
    );
  }
  const topic = (event: string) => `0x${toHex(keccak256(utf8.encode(event)))}`;
  const topics = {
    transfer: topic('Transfer(address,address,uint256)'),
    // protocol: TicketBroker.WinningTicketTransfer, BondingManager.Reward; contracts/Disperse.sol.
    ticketPaid: topic('WinningTicketTransfer(address,address,uint256)'),
    reward: topic('Reward(address,uint256)'),
    dispersed: topic('Result(address,bytes32,uint256,address,uint256,bool)'),
  };
  const finalBlock = await chain.finalBlock();
  const known = new Map<string, Promise<ChainTransaction | undefined>>();
  /** What lists say that one transaction paid to one account, by payout. */
  const listedOf = new Map<string, Map<string, bigint>>();
  const transaction = (hash: string) => {
    const asked = known.get(hash) ?? chain.transaction(hash);
    known.set(hash, asked);
    return asked;
  };

  /** What one transaction brought to the pool. */
  function broughtBy({ kind }: IncomeLine, found: ChainTransaction): bigint {
    const { ticketBroker, bondingManager } = chain.contracts;
    const sumOf = (contract: string | undefined, event: string, place: number) =>
      found.logs
        .filter(({ address }) => contract === undefined || address === contract)
        .filter((log) => log.topics[0] === event && addressIn(log.topics[place]) === index.pool)
        .reduce((sum, log) => sum + wordAt(log, 0), 0n);
    switch (kind) {
      case 'tickets_redeemed':
        return sumOf(ticketBroker, topics.ticketPaid, 2);
      case 'reward':
        return sumOf(bondingManager, topics.reward, 1);
      case 'gas':
        return found.gasWei;
      default:
        return 0n;
    }
  }

  /** Base units that one transaction moved to an account. */
  function movedTo(to: string, found: ChainTransaction, token: string | undefined): bigint {
    if (token !== undefined) {
      return found.logs
        .filter(({ address, topics: [name] }) => address === token && name === topics.transfer)
        .filter((log) => addressIn(log.topics[2]) === to)
        .reduce((sum, log) => sum + wordAt(log, 0), 0n);
    }
    const direct = found.to === to ? found.value : 0n;
    return found.logs
      .filter(({ address }) => address === chain.contracts.disperse)
      .filter((log) => log.topics[0] === topics.dispersed && wordAt(log, 3) === 1n)
      .filter((log) => `0x${wordAt(log, 1).toString(16).padStart(40, '0')}` === to)
      .reduce((sum, log) => sum + wordAt(log, 2), direct);
  }

  function tokenOf(asset: AssetId, terms: Terms): string | undefined {
    const kind = terms.assets[asset];
    if (asset === LPT && chain.contracts.livepeerToken) return chain.contracts.livepeerToken;
    return kind?.kind === 'erc20' ? kind.address.toLowerCase() : undefined;
  }

  return {
    async income(epoch, line) {
      const { kind, asset, amount, transactions } = line;
      if (transactions.length === 0) return;
      let brought = 0n;
      for (const hash of transactions) {
        const found = await transaction(hash);
        // Gas is spent whether the transaction did what it should or not.
        if (!found || found.block > finalBlock || (kind !== 'gas' && !found.succeeded)) {
          const text = `the income names the transaction ${hash}, which is not final on the chain`;
          throw new Wrong('income_not_on_chain', text, epoch);
        }
        brought += broughtBy(line, found);
      }
      const size = amount < 0n ? -amount : amount;
      const isRight = isExact(kind) ? brought === size : brought >= size;
      if (isRight || kind === 'other' || kind === 'refund') return;
      throw new Wrong(
        'income_not_on_chain',
        `the income has ${amount} ${asset} of ${NAMES[kind]}, and their transactions show ${brought}`,
        epoch,
      );
    },
    async payouts(epoch, payouts, terms) {
      const groups = Map.groupBy(
        payouts,
        ({ transaction: hash, to, asset }) => `${hash} ${to} ${asset}`,
      );
      for (const [payment, group] of groups) {
        const [{ asset, to, transaction: hash }] = group as [Payout];
        const kind = terms.assets[asset]?.kind ?? 'native';
        if (kind === 'fiat' || kind === 'points') continue;
        const amounts = listedOf.get(payment) ?? new Map<string, bigint>();
        listedOf.set(payment, amounts);
        for (const { id, amount } of group) amounts.set(id, amount);
        const listed = [...amounts.values()].reduce((sum, amount) => sum + amount, 0n);
        const wrong = (fault: Wrong['fault'], text: string) =>
          new Wrong(fault, `${listed} ${asset} are listed as paid, ${text}`, epoch);
        if (hash === undefined || to === undefined) {
          throw wrong('payment_not_on_chain', 'and no transaction is named');
        }
        const found = await transaction(hash);
        if (!found) throw wrong('payment_not_on_chain', `and the chain has no transaction ${hash}`);
        if (!found.succeeded) {
          throw wrong('payment_not_on_chain', `and the transaction ${hash} failed`);
        }
        if (found.block > finalBlock) {
          throw wrong('payment_not_final', `and the transaction ${hash} is not final yet`);
        }
        const token = kind === 'native' ? undefined : tokenOf(asset, terms);
        const moved = movedTo(to, found, token);
        if (moved < listed) {
          throw wrong('payment_short', `and the transaction ${hash} moved ${moved} to ${to}`);
        }
      }
    },
  };
}

const NAMES = {
  tickets_credited: 'credited tickets',
  tickets_redeemed: 'redeemed tickets',
  reward: 'rewards',
  refund: 'refunds',
  gas: 'gas',
  other: 'other things',
} as const satisfies Record<IncomeLine['kind'], string>;

/** Of rewards a part is the delegators', and gas is taken from income only as far as that goes. */
function isExact(kind: IncomeLine['kind']): boolean {
  return kind === 'tickets_redeemed';
}

function addressIn(topic: string | undefined): string {
  return `0x${(topic ?? '').slice(-40)}`;
}

function wordAt({ data }: ChainLog, place: number): bigint {
  const word = data.slice(2 + place * 64, 2 + (place + 1) * 64);
  return word.length === 64 ? BigInt(`0x${word}`) : 0n;
}
