import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Abi,
  type AbiEvent,
  type AbiFunction,
  type AbiParameter,
  type Address,
  decodeEventLog,
  type Log,
  zeroAddress,
} from 'viem';
import { bondingManagerAbi } from '../../src/chain/abi/bonding-manager.ts';
import { bondingVotesAbi } from '../../src/chain/abi/bonding-votes.ts';
import { livepeerTokenAbi } from '../../src/chain/abi/livepeer-token.ts';
import { minterAbi } from '../../src/chain/abi/minter.ts';
import { roundsManagerAbi } from '../../src/chain/abi/rounds-manager.ts';
import { ticketBrokerAbi } from '../../src/chain/abi/ticket-broker.ts';

/** The ABIs of the live network: what the trace was recorded through, and clients call. */
export const traceAbis: Readonly<Record<string, Abi>> = {
  BondingManager: bondingManagerAbi,
  BondingVotes: bondingVotesAbi,
  LivepeerToken: livepeerTokenAbi,
  Minter: minterAbi,
  RoundsManager: roundsManagerAbi,
  TicketBroker: ticketBrokerAbi,
};

interface CallStep {
  readonly op: 'call';
  readonly from: string;
  readonly contract: string;
  readonly fn: string;
  readonly args: readonly string[];
  readonly value?: string;
  readonly note?: string;
  readonly revert?: string;
  readonly events?: readonly string[];
}
interface RedeemStep {
  readonly op: 'redeem';
  readonly recipient: string;
  readonly sender: string;
  readonly faceValue: string;
  readonly creationRound: string;
  readonly note?: string;
  readonly revert?: string;
  readonly events?: readonly string[];
  readonly usedAfter?: boolean;
}
interface ReadStep {
  readonly op: 'read';
  readonly contract: string;
  readonly fn: string;
  readonly args: readonly string[];
  readonly value: unknown;
}
/** One line of the trace: what was done or asked, and what came of it. */
export type Step =
  | CallStep
  | RedeemStep
  | ReadStep
  | { readonly op: 'section'; readonly text: string }
  | { readonly op: 'advance'; readonly l1Block: string; readonly round: string }
  | { readonly op: 'ethBalance'; readonly account: string; readonly value: string };

/** Steps recorded from the contracts of the live network, grouped by their headings. */
export interface Trace {
  readonly params: Readonly<Record<string, string>>;
  readonly sections: readonly {
    readonly text: string;
    readonly steps: readonly { readonly index: number; readonly step: Step }[];
  }[];
}

export function readTrace(): Trace {
  const path = join(import.meta.dirname, '../fixtures/protocol-trace.json');
  const { params, steps } = JSON.parse(readFileSync(path, 'utf8')) as {
    params: Record<string, string>;
    steps: Step[];
  };
  const sections: { text: string; steps: { index: number; step: Step }[] }[] = [];
  for (const [index, step] of steps.entries()) {
    if (step.op === 'section') sections.push({ text: step.text, steps: [] });
    else sections.at(-1)?.steps.push({ index, step });
  }
  return { params, sections };
}

/** Translates between the trace's names of accounts and contracts and their addresses. */
export interface Names {
  address(name: string): Address;
  name(address: string): string;
}

export function createNames(addresses: Readonly<Record<string, Address>>): Names {
  const known = { ...addresses, ZERO: zeroAddress };
  const byAddress = new Map(
    Object.entries(known).map(([name, address]) => [address.toLowerCase(), name]),
  );
  return {
    address(name) {
      const address = known[name as keyof typeof known];
      if (!address) throw new Error(`the trace names ${name}, which is nobody here`);
      return address;
    },
    name: (address) => byAddress.get(address.toLowerCase()) ?? address,
  };
}

/** The arguments of a call as viem wants them. */
export function argumentsOf(step: CallStep | ReadStep, names: Names): unknown[] {
  const { inputs } = functionOf(step.contract, step.fn);
  return step.args.map((arg, index) =>
    inputs[index]?.type === 'address' ? names.address(arg) : BigInt(arg),
  );
}

/** What a view answered, in the trace's form: amounts as text, several values by their names. */
export function answerOf(step: ReadStep, result: unknown, names: Names): unknown {
  const { outputs } = functionOf(step.contract, step.fn);
  const [only] = outputs;
  if (outputs.length === 1 && only) return plain(result, names);
  const values = result as readonly unknown[];
  return Object.fromEntries(
    outputs.map(({ name }, index) => [name, plain(values[index], names)] as const),
  );
}

function plain(value: unknown, names: Names): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'string') return names.name(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [key, plain(field, names)] as const),
  );
}

function functionOf(contract: string, fn: string): AbiFunction {
  const found = traceAbis[contract]?.find((item) => item.type === 'function' && item.name === fn);
  if (!found) throw new Error(`${contract}.${fn} is not in the ABI`);
  return found as AbiFunction;
}

/** The events of a receipt as the trace writes them, without those that it leaves out. */
export function eventsOf(logs: readonly Log[], names: Names): string[] {
  return logs
    .filter((log) => names.name(log.address) !== 'BondingVotes')
    .map((log) => eventText(log, names))
    .map(withoutBlockHash);
}

function eventText(log: Log, names: Names): string {
  const contract = names.name(log.address);
  const abi = traceAbis[contract] ?? [];
  const { eventName, args } = decodeEventLog({ abi, data: log.data, topics: log.topics });
  const event = abi.find((item) => item.type === 'event' && item.name === eventName) as AbiEvent;
  const fields = event.inputs.map(({ name = '' }: AbiParameter) => {
    const value = (args as unknown as Record<string, unknown>)[name];
    return `${name}=${plain(value, names)}`;
  });
  return `${contract}.${eventName}(${fields.join(', ')})`;
}

/** The trace says itself that the hash of a round's block is arbitrary. */
export function withoutBlockHash(event: string): string {
  return event.replace(/blockHash=0x[0-9a-f]{64}/, 'blockHash=ANY');
}
