import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Address, Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { z } from 'zod';
import { parseHex } from '../../base/bytes.ts';
import { TributaryError } from '../../base/errors.ts';
import { makeFolder } from '../../base/folder.ts';
import { bondingManagerAbi } from '../../chain/abi/bonding-manager.ts';
import { livepeerTokenAbi } from '../../chain/abi/livepeer-token.ts';
import { roundsManagerAbi } from '../../chain/abi/rounds-manager.ts';
import { ticketBrokerAbi } from '../../chain/abi/ticket-broker.ts';
import { devnetClients, mineBlocks } from '../../chain/devnet.ts';
import { storeKey } from '../../chain/keystore.ts';
import { type Child, type Children, lineOf, WITH_PARENT } from './children.ts';

const UNIT = 10n ** 18n;
/** What the gateway has in the TicketBroker before it pays: far more than the demo costs. */
export const DEPOSIT: bigint = 5n * UNIT;
/**
 * Parameters of tickets live for 40 blocks and tickets for two rounds: in rounds of 100 blocks the
 * pool has 60 for redeeming even those that were made at the end of one.
 */
const ROUND_BLOCKS = 100;
/**
 * A pixel costs a million times what the market pays, and every second ticket wins: on the live
 * network one wins in some hours.
 */
const PRICING = [
  ...['--price', '1000000000wei', '--ticket-ev', '8000000000000000'],
  ...['--max-face-value', '16000000000000000', '--max-unpaid', '1000000000000000000'],
];
/** The most LPT that the account for payouts may send, at once and in a day. */
const PAYOUT_LPT = 1_000n * UNIT;
/** The same, as the side that pays sees it. */
const LIMITS = ['--max-ticket-ev', '1e17', '--max-total-ev', '1e18'];

const file = z.object({
  url: z.string(),
  accounts: z.array(z.object({ name: z.string(), address: z.string(), privateKey: z.string() })),
  addresses: z.record(z.string(), z.string()),
});

/** What the contracts say, in wei and LPT units of 10^-18. */
export interface ChainFacts {
  /** What is left of the gateway's deposit. */
  readonly deposit: bigint;
  readonly reserve: bigint;
  /** Winning tickets that were paid to the orchestrator, and what they paid. */
  readonly paidTickets: number;
  readonly paidWei: bigint;
  /** Fees that the orchestrator may withdraw. */
  readonly pendingFees: bigint;
  /** Own stake, with rewards. */
  readonly stake: bigint;
  readonly round: bigint;
}

/** A chain of the demo's own. */
export interface DemoChain {
  /** Arguments for the pool, and for the gateway that pays it. */
  readonly poolArgs: readonly string[];
  readonly gatewayArgs: readonly string[];
  /** Arguments for whoever looks at the chain and needs no key. */
  readonly lookArgs: readonly string[];
  readonly child: Child;
  /** Makes blocks without waiting for the time between them. */
  advance(blocks: number): Promise<void>;
  /** The operator puts LPT into the account that pays workers: the hash of the transaction. */
  fundPayouts(): Promise<string>;
  /** Makes the rest of the blocks of this round. */
  nextRound(): Promise<void>;
  facts(): Promise<ChainFacts>;
}

/** Starts the chain as a process and writes the keys of orchestrator and gateway into files. */
export async function startChain(children: Children, scratch: string): Promise<DemoChain> {
  const json = join(scratch, 'devnet.json');
  const child = children.start('chain', [
    ...['devnet', WITH_PARENT, '--port', '0', '--json', json, '--block-time', '1'],
    ...['--round-length', String(ROUND_BLOCKS), '--initialize-rounds=off'],
  ]);
  await lineOf(child, /^The chain listens at (\S+),/);
  const { url, accounts, addresses } = file.parse(JSON.parse(await readFile(json, 'utf8')));
  const accountOf = (name: string) => found(accounts.find((account) => account.name === name));
  const contract = (name: string) => found(addresses[name]) as Address;
  const orchestrator = accountOf('orchestrator');
  const gateway = accountOf('gateway');
  // Any account that has ETH and LPT: what lies in the one that pays workers is all that they can move.
  const payer = accountOf('node');

  const password = join(scratch, 'password');
  await writeFile(password, randomBytes(16).toString('hex'), { mode: 0o600 });
  const keystoreOf = async ({ name, privateKey }: typeof gateway) => {
    const dir = join(scratch, 'keys', name);
    await makeFolder(dir, { mode: 0o700 });
    const key = parseHex(privateKey) as Uint8Array;
    await storeKey({ dir, key, password: await readFile(password, 'utf8') });
    return dir;
  };
  const on = [
    ...['--network', 'devnet', '--eth-url', url, '--controller', contract('Controller')],
    ...['--password-file', password, '--keystore'],
  ];
  // Without this the signer lets no token out of the account that pays workers.
  const policy = join(scratch, 'signer.toml');
  const tokens = `${contract('LivepeerToken')}=${PAYOUT_LPT}/${PAYOUT_LPT}`;
  await writeFile(policy, `payout-tokens = ["${tokens}"]\n`);
  const { reader, wallet } = devnetClients(url);
  const broker = { address: contract('TicketBroker'), abi: ticketBrokerAbi } as const;
  const bonding = { address: contract('BondingManager'), abi: bondingManagerAbi } as const;
  const rounds = { address: contract('RoundsManager'), abi: roundsManagerAbi } as const;
  const recipient = orchestrator.address as Address;

  return {
    child,
    lookArgs: ['--rpc', url, '--controller', contract('Controller')],
    poolArgs: [
      ...[...on, await keystoreOf(orchestrator), ...PRICING, ...ROUND_DUTY],
      ...['--payout-keystore', await keystoreOf(payer), '--signer-policy', policy],
    ],
    gatewayArgs: [
      ...on,
      await keystoreOf(gateway),
      ...['--deposit', String(DEPOSIT / UNIT), '--reserve', String(DEPOSIT / UNIT), ...LIMITS],
    ],
    advance: (blocks) => mineBlocks(reader, blocks),
    async fundPayouts() {
      const account = privateKeyToAccount(accountOf('delegator').privateKey as Hex);
      const hash = await wallet(account).writeContract({
        address: contract('LivepeerToken'),
        abi: livepeerTokenAbi,
        functionName: 'transfer',
        args: [payer.address as Address, PAYOUT_LPT],
      });
      await reader.waitForTransactionReceipt({ hash });
      return hash;
    },
    async nextRound() {
      const [start, block] = await Promise.all([
        reader.readContract({ ...rounds, functionName: 'currentRoundStartBlock' }),
        reader.getBlockNumber(),
      ]);
      await mineBlocks(reader, Number(start - block) + ROUND_BLOCKS);
    },
    async facts() {
      const round = await reader.readContract({ ...rounds, functionName: 'currentRound' });
      const [[sender, reserve], paid, pendingFees, stake] = await Promise.all([
        reader.readContract({
          ...broker,
          functionName: 'getSenderInfo',
          args: [gateway.address as Address],
        }),
        reader.getContractEvents({
          ...broker,
          eventName: 'WinningTicketTransfer',
          args: { recipient },
          fromBlock: 0n,
        }),
        reader.readContract({ ...bonding, functionName: 'pendingFees', args: [recipient, round] }),
        reader.readContract({ ...bonding, functionName: 'pendingStake', args: [recipient, round] }),
      ]);
      return {
        deposit: sender.deposit,
        reserve: reserve.fundsRemaining,
        paidTickets: paid.length,
        paidWei: paid.reduce((sum, { args }) => sum + (args.amount ?? 0n), 0n),
        pendingFees,
        stake,
        round,
      };
    },
  };
}

/** Nobody else is there to initialise rounds. */
const ROUND_DUTY = ['--initialize-round', '--initialize-round-max-delay', '0s'];

function found<T>(value: T | undefined): T {
  if (value !== undefined) return value;
  throw new TributaryError('demo_failed', 'The chain did not say what was asked of it.');
}
