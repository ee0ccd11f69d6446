import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getAddress } from 'viem';
import { serveAdmin } from '../../src/api/admin.ts';
import { apiOf } from '../../src/api/api.test-kit.ts';
import { chainRoutes } from '../../src/api/chain-routes.ts';
import { parseHex } from '../../src/base/bytes.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { adminFiles } from '../../src/base/data-dir.ts';
import { type Log, quiet } from '../../src/base/log.ts';
import { createMetrics } from '../../src/base/metrics.ts';
import type { Io } from '../../src/base/terminal.ts';
import { resolveContracts } from '../../src/chain/contracts.ts';
import { openProviders } from '../../src/chain/providers.ts';
import { signTransaction } from '../../src/chain/sign-transaction.ts';
import { openTransactions, type Transactions } from '../../src/chain/transactions.ts';
import type { TransactionSigner } from '../../src/chain/transactions-sign.ts';
import { openChainWatch } from '../../src/chain/watch.ts';
import { run as runCommand } from '../../src/cli.ts';
import type { Database } from '../../src/database/database.ts';
import type { ChainActions } from '../../src/duties/action-types.ts';
import { startDuties } from '../../src/duties/duties.ts';
import type { DutiesParts, DutyRules } from '../../src/duties/parts.ts';
import type { AccountName, Protocol } from './protocol.ts';

const POLL_MS = 30;

/** Nothing of its own accord. */
export const IDLE: DutyRules = {
  reward: false,
  initializeRound: false,
  initializeRoundDelayMsMax: 0,
  withdrawFees: undefined,
  gasMoneyWeiMin: 10n ** 16n,
  certificateMsMin: 7 * 24 * 3_600_000,
};

/** What a test may have otherwise than a node has. */
export interface DutiesOptions {
  readonly database: Database;
  readonly orchestrator?: AccountName;
  /** Whose keys are here, by what for. */
  readonly keys?: Partial<Record<'orchestrator' | 'rewardCaller' | 'node', AccountName>>;
  readonly rules?: Partial<DutyRules>;
  readonly serviceUri?: string;
  readonly answersAsUs?: DutiesParts['answersAsUs'];
  readonly certificateEndsAt?: DutiesParts['certificateEndsAt'];
  readonly clock?: Clock;
  readonly log?: Log;
  readonly wrapSigner?: (signing: TransactionSigner) => TransactionSigner;
}

/** Everything that the duties of a node stand on, on this chain, but the signer's process. */
export async function startDutiesOn(protocol: Protocol, options: DutiesOptions) {
  const { database, log = quiet, clock = systemClock } = options;
  const orchestrator: AccountName = options.orchestrator ?? 'orchestrator';
  const metrics = createMetrics();
  const { devnet } = protocol;
  const common = { clock: systemClock, log, metrics };
  const providers = await openProviders({ urls: [devnet.url], ...common });
  const contracts = await resolveContracts(providers, devnet.addresses.Controller);
  const journals = new Map<AccountName, Transactions>();
  const journalOf = async (name: AccountName | undefined): Promise<Transactions | undefined> => {
    if (name === undefined) return undefined;
    const known = journals.get(name);
    if (known) return known;
    const { privateKey, address } = accountOf(protocol, name);
    const bytes = parseHex(privateKey) ?? new Uint8Array();
    const plain: TransactionSigner = {
      signTransaction: async (_, tx) => ({ ok: true, ...signTransaction(bytes, tx) }),
    };
    const opened = await openTransactions({
      ...{ database, providers, ...common },
      finality: { depth: 0 },
      signing: options.wrapSigner?.(plain) ?? plain,
      account: {
        chainId: providers.chainId,
        address: address.toLowerCase() as `0x${string}`,
      },
      rules: { resendMs: 600, replaceAfterMs: 300, retryMs: 30 },
      pollMs: POLL_MS,
    });
    journals.set(name, opened);
    return opened;
  };
  const keys = options.keys ?? { orchestrator, node: orchestrator };
  const transactions = {
    orchestrator: await journalOf(keys.orchestrator),
    rewardCaller: await journalOf(keys.rewardCaller),
    node: await journalOf(keys.node),
  };
  const recipient = getAddress(accountOf(protocol, orchestrator).address);
  const watch = await openChainWatch({
    ...{ database, providers, contracts, recipient, ...common },
    pollMs: POLL_MS,
    arbitrum: false,
  });
  const duties = startDuties({
    ...{ database, providers, contracts, watch, transactions, clock, log, metrics },
    orchestrator: recipient,
    node: getAddress(accountOf(protocol, keys.node ?? orchestrator).address),
    rules: { ...IDLE, ...options.rules },
    serviceUri: options.serviceUri,
    answersAsUs: options.answersAsUs ?? (async () => true),
    certificateEndsAt: options.certificateEndsAt ?? (() => undefined),
    random: () => 0,
  });
  return {
    ...{ duties, watch, providers, contracts, transactions, metrics },
    async [Symbol.asyncDispose]() {
      await duties.close();
      await watch.close();
      for (const journal of journals.values()) await journal.close();
      await providers.close();
    },
  };
}

/** The admin routes of a pool, and `tributary …` as its operator types it. */
export async function startOperator(chain: ChainActions | undefined) {
  const token = 'the-token';
  const admin = await serveAdmin(
    {
      api: apiOf(chainRoutes({ chain }), { token }),
      metrics: createMetrics(),
      ready: async () => undefined,
      log: quiet,
    },
    { host: '127.0.0.1', port: 0, tokenChosen: false },
  );
  const dataDir = mkdtempSync(join(tmpdir(), 'tributary-chain-'));
  const url = `http://127.0.0.1:${admin.port}`;
  writeFileSync(adminFiles(dataDir).address, JSON.stringify({ url }));
  writeFileSync(adminFiles(dataDir).token, `${token}\n`, { mode: 0o600 });
  return {
    url,
    token,
    /** Everything that the command wrote, and its exit code. */
    async type(...args: readonly string[]) {
      const out: string[] = [];
      const err: string[] = [];
      const io: Io = {
        stdout: { write: (text) => void out.push(text) },
        stderr: { write: (text) => void err.push(text) },
        env: {},
        isTty: false,
        columns: 80,
      };
      const code = await runCommand([...args, '--data-dir', dataDir], io);
      return { code, out: out.join(''), err: err.join('') };
    },
    async [Symbol.asyncDispose]() {
      await admin.close();
      rmSync(dataDir, { recursive: true });
    },
  };
}

function accountOf({ devnet }: Protocol, name: AccountName) {
  const found = devnet.accounts.find((account) => account.name === name);
  if (!found) throw new Error(`no account ${name}`);
  return found;
}
