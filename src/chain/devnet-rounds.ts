import { setTimeout as delay } from 'node:timers/promises';
import type { Account, Address } from 'viem';
import { roundsManagerAbi } from './abi/rounds-manager.ts';
import { type DevnetClients, devnetClients } from './devnet.ts';

/** A chain on this machine makes a block per second or faster; a round has at least a few of them. */
const LOOK_EVERY_MS = 250;

/**
 * Initialises each round as it begins, as somebody always does on the live network, until the signal
 * aborts. A chain that does not answer is asked again.
 */
export async function keepRoundsInitialized(
  { url, roundsManager }: { readonly url: string; readonly roundsManager: Address },
  account: Account,
  signal: AbortSignal,
): Promise<void> {
  const clients = devnetClients(url);
  while (!signal.aborted) {
    // Another caller may be faster, or the chain may be ending: the next look tells.
    await initializeRound(clients, account, roundsManager).catch(() => {});
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
  }
}

async function initializeRound(
  { reader, wallet }: DevnetClients,
  account: Account,
  address: Address,
): Promise<void> {
  const rounds = { address, abi: roundsManagerAbi } as const;
  const isDone = { ...rounds, functionName: 'currentRoundInitialized' } as const;
  if (await reader.readContract(isDone)) return;
  const hash = await wallet(account).writeContract({ ...rounds, functionName: 'initializeRound' });
  await reader.waitForTransactionReceipt({ hash });
}
