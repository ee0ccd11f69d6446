import {
  type Abi,
  type Address,
  BaseError,
  ContractFunctionRevertedError,
  encodeAbiParameters,
  type Hex,
  keccak256,
  maxUint256,
  parseEventLogs,
  toHex,
  zeroAddress,
} from 'viem';
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import {
  type Devnet,
  type DevnetAccount,
  devnetClients,
  mineBlocks,
  startDevnet,
} from '../../src/chain/devnet.ts';
import type { ContractName } from '../../src/chain/devnet-deploy.ts';
import { UNIT } from '../../src/chain/devnet-parameters.ts';

export type AccountName = DevnetAccount['name'];
export const LPT: bigint = UNIT;
export const NO_HINT = [zeroAddress, zeroAddress] as const;

/** A call of one function, loosely typed: what a test says is checked by the chain. */
export interface Call {
  readonly contract: ContractName;
  readonly fn: string;
  readonly args?: readonly unknown[];
  readonly value?: bigint;
}

/** A ticket as TicketBroker takes it. */
export interface Ticket {
  readonly recipient: Address;
  readonly sender: Address;
  readonly faceValue: bigint;
  readonly winProb: bigint;
  readonly senderNonce: bigint;
  readonly recipientRandHash: Hex;
  readonly auxData: Hex;
}

/** A devnet with the short words that tests of the protocol use. */
export type Protocol = Awaited<ReturnType<typeof startProtocol>>;

/** Sends again where a pool took the nonce of the same account at the same moment. */
async function written(send: () => Promise<Hex>): Promise<Hex> {
  for (let tries = 1; ; tries++) {
    try {
      return await send();
    } catch (error) {
      const taken = error instanceof Error && /nonce too low|nonce.* lower/i.test(error.message);
      if (!taken || tries === 20) throw error;
    }
  }
}

/** A round has more blocks than a test sends transactions in it: each makes a block. */
export async function startProtocol({ roundLength = 60 } = {}) {
  const devnet: Devnet = await startDevnet({ roundLength });
  const { reader, wallet } = devnetClients(devnet.url);
  const accounts = new Map<AccountName, PrivateKeyAccount>(
    devnet.accounts.map(({ name, privateKey }) => [name, privateKeyToAccount(privateKey)]),
  );
  const accountOf = (name: AccountName) => accounts.get(name) as PrivateKeyAccount;
  const request = ({ contract, fn, args = [], value = 0n }: Call) => ({
    address: devnet.addresses[contract],
    abi: devnet.abis[contract] as Abi,
    functionName: fn,
    args,
    value,
  });
  let senderNonce = 0n;

  const protocol = {
    devnet,
    reader,
    accountOf,
    of: (name: AccountName): Address => accountOf(name).address,

    /** Sends it; answers the names of the events of the protocol's contracts. */
    async send(from: AccountName, call: Call): Promise<string[]> {
      const { request: checked } = await reader.simulateContract({
        ...request(call),
        account: accountOf(from),
      });
      const hash = await written(() => wallet(accountOf(from)).writeContract(checked as never));
      const { logs } = await reader.waitForTransactionReceipt({ hash });
      return Object.entries(devnet.abis)
        .flatMap(([name, abi]) => {
          const own = logs.filter(
            ({ address }) =>
              address.toLowerCase() === devnet.addresses[name as ContractName].toLowerCase(),
          );
          return parseEventLogs({ abi, logs: own }) as unknown as {
            logIndex: number;
            eventName: string;
          }[];
        })
        .sort((a, b) => a.logIndex - b.logIndex)
        .map(({ eventName }) => eventName);
    },

    read: (call: Call): Promise<unknown> => reader.readContract(request(call)),

    /** The text, the name of the error or the number of the panic that it reverts with. */
    async revert(from: AccountName, call: Call): Promise<string | undefined> {
      try {
        await reader.simulateContract({ ...request(call), account: accountOf(from) });
      } catch (error) {
        const revert =
          error instanceof BaseError &&
          error.walk((cause) => cause instanceof ContractFunctionRevertedError);
        if (!(revert instanceof ContractFunctionRevertedError)) throw error;
        const { errorName, args } = revert.data ?? {};
        if (errorName === 'Panic') return `Panic ${args?.[0]}`;
        return revert.reason ?? errorName ?? '';
      }
      return undefined;
    },

    async nextRound(count = 1): Promise<void> {
      for (let round = 0; round < count; round += 1) {
        const start = await protocol.read({
          contract: 'RoundsManager',
          fn: 'currentRoundStartBlock',
        });
        const block = await reader.getBlockNumber();
        await mineBlocks(reader, Number((start as bigint) + BigInt(roundLength) - block));
        await protocol.send('deployer', { contract: 'RoundsManager', fn: 'initializeRound' });
      }
    },

    /** Bonds to an account, with the allowance that it takes. */
    async bond(from: AccountName, to: AccountName, amount: bigint): Promise<void> {
      await protocol.send(from, {
        contract: 'LivepeerToken',
        fn: 'approve',
        args: [devnet.addresses.BondingManager, amount],
      });
      await protocol.send(from, {
        contract: 'BondingManager',
        fn: 'bond',
        args: [amount, protocol.of(to)],
      });
    },

    /** A ticket of this round that wins, with its signature and the recipient's number. */
    async ticket(changes: Partial<Ticket> = {}) {
      const round = (await protocol.read({
        contract: 'RoundsManager',
        fn: 'lastInitializedRound',
      })) as bigint;
      const hash = await protocol.read({
        contract: 'RoundsManager',
        fn: 'blockHashForRound',
        args: [round],
      });
      senderNonce += 1n;
      const recipientRand = senderNonce * 7n;
      const ticket: Ticket = {
        recipient: protocol.of('orchestrator'),
        sender: protocol.of('gateway'),
        faceValue: 1_000n,
        winProb: maxUint256,
        senderNonce,
        recipientRandHash: keccak256(toHex(recipientRand, { size: 32 })),
        auxData: encodeAbiParameters(
          [{ type: 'uint256' }, { type: 'bytes32' }],
          [round, hash as Hex],
        ),
        ...changes,
      };
      const raw = (await protocol.read({
        contract: 'TicketBroker',
        fn: 'getTicketHash',
        args: [ticket],
      })) as Hex;
      const signature = await accountOf('gateway').signMessage({ message: { raw } });
      return { ticket, signature, recipientRand, hash: raw };
    },

    snapshot: () => reader.request({ method: 'evm_snapshot' } as never) as Promise<Hex>,
    revertTo: (id: Hex) => reader.request({ method: 'evm_revert', params: [id] } as never),
  };
  return protocol;
}
