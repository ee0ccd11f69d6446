import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Abi,
  type AbiEvent,
  type AbiFunction,
  toEventSignature,
  toFunctionSignature,
} from 'viem';
import { aggregatorV3Abi } from '../../src/chain/abi/aggregator-v3.ts';
import { bondingManagerAbi } from '../../src/chain/abi/bonding-manager.ts';
import { bondingVotesAbi } from '../../src/chain/abi/bonding-votes.ts';
import { controllerAbi } from '../../src/chain/abi/controller.ts';
import { disperseAbi } from '../../src/chain/abi/disperse.ts';
import { livepeerGovernorAbi } from '../../src/chain/abi/livepeer-governor.ts';
import { livepeerTokenAbi } from '../../src/chain/abi/livepeer-token.ts';
import { livepeerTokenFaucetAbi } from '../../src/chain/abi/livepeer-token-faucet.ts';
import { minterAbi } from '../../src/chain/abi/minter.ts';
import { pollAbi } from '../../src/chain/abi/poll.ts';
import { pollCreatorAbi } from '../../src/chain/abi/poll-creator.ts';
import { roundsManagerAbi } from '../../src/chain/abi/rounds-manager.ts';
import { serviceRegistryAbi } from '../../src/chain/abi/service-registry.ts';
import { ticketBrokerAbi } from '../../src/chain/abi/ticket-broker.ts';
import { treasuryAbi } from '../../src/chain/abi/treasury.ts';
import { compileContracts } from '../../src/chain/devnet-contracts.ts';

/** Contracts of the devnet that have all that the live ones have. */
const whole: Readonly<Record<string, Abi>> = {
  AIServiceRegistry: serviceRegistryAbi,
  BondingManager: bondingManagerAbi,
  Controller: controllerAbi,
  Disperse: disperseAbi,
  LivepeerTokenFaucet: livepeerTokenFaucetAbi,
  Minter: minterAbi,
  PollCreator: pollCreatorAbi,
  PriceFeed: aggregatorV3Abi,
  RoundsManager: roundsManagerAbi,
  ServiceRegistry: serviceRegistryAbi,
  TicketBroker: ticketBrokerAbi,
  BondingVotes: bondingVotesAbi,
};

/** Contracts that have a part only, with what they lack and why. */
const parts: Readonly<Record<string, { readonly live: Abi; readonly lacks: RegExp }>> = {
  // Votes by signature or with parameters, receiving NFTs, moving to another timelock: no client of
  // ours asks for them.
  LivepeerGovernor: {
    live: livepeerGovernorAbi,
    lacks:
      /BySig|Params|BALLOT|onERC|relay|supportsInterface|eip712|EIP712|[tT]imelock\(|TimelockChange|bumpGovernor|quorumNumerator\(uint256\)/,
  },
  // Single calls instead of batches: the governor sends batches only.
  Treasury: {
    live: treasuryAbi,
    lacks: /schedule\(|execute\(|hashOperation\(|onERC|supportsInterface/,
  },
  // The domain of permits never changes.
  LivepeerToken: { live: livepeerTokenAbi, lacks: /EIP712DomainChanged/ },
  // Would end the contract, which chains no longer do.
  Poll: { live: pollAbi, lacks: /destroy/ },
};

for (const [name, live] of Object.entries(whole)) {
  test(`${name} has every function and event of the live contract`, async () => {
    assert.deepEqual(lacking(live, await abiOf(name)), []);
  });
}

for (const [name, { live, lacks }] of Object.entries(parts)) {
  test(`${name} has all but the named parts of the live contract`, async () => {
    const missing = lacking(live, await abiOf(name));
    assert.deepEqual(
      missing.filter((signature) => !lacks.test(signature)),
      [],
    );
  });
}

test('every contract fits on a chain that limits code to 24,576 bytes', async () => {
  for (const [name, { bytecode }] of Object.entries(await compileContracts())) {
    // Of the creation code, which is longer than what stays.
    assert.ok(bytecode.length / 2 <= 24_576, name);
  }
});

async function abiOf(name: string): Promise<Abi> {
  return (await compileContracts())[name]?.abi ?? [];
}

function lacking(live: Abi, own: Abi): string[] {
  const present = new Set(own.flatMap(described));
  return live.flatMap(described).filter((item) => !present.has(item));
}

/** What a client sees of a function or an event: names of events' fields count, as of results. */
function described(item: Abi[number]): string[] {
  if (item.type === 'function') return [functionText(item)];
  return item.type === 'event' ? [eventText(item)] : [];
}

function functionText(item: AbiFunction): string {
  const outputs = item.outputs.map(({ type }) => type).join(',');
  const payable = item.stateMutability === 'payable' ? ' payable' : '';
  return `${toFunctionSignature(item)}${payable} returns (${outputs})`;
}

function eventText(item: AbiEvent): string {
  const indexed = item.inputs.map((input) => (input.indexed ? '*' : '') + (input.name ?? ''));
  return `event ${toEventSignature(item)} ${indexed.join(',')}`;
}
