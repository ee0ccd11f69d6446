import type { Hex } from 'viem';
import { defineCommand, type ValuesOf } from '../../base/command.ts';
import {
  choice,
  address as hostPort,
  listOf,
  path,
  read,
  type SettingType,
  url,
} from '../../base/setting-types.ts';
import { configSetting, logLevelSetting } from '../../base/standard-settings.ts';
import { parseAddress } from '../../protocol/signature.ts';

const GWEI_DIGITS = 9;

/** An account or contract as 0x text; the value is in lower case. */
const account: SettingType<Hex> = {
  schema: read((given) => {
    const text = String(given);
    return parseAddress(text) ? (text.toLowerCase() as Hex) : undefined;
  }),
  placeholder: '0x…',
  allowed: 'an address: 0x and 40 hex digits, with a correct checksum if in mixed case',
};

/** Exact; the value is in wei. */
const gwei: SettingType<bigint> = {
  schema: read((given) => {
    const [, whole, part = ''] = /^(\d{1,12})(?:\.(\d{1,9}))?$/.exec(String(given)) ?? [];
    return whole === undefined ? undefined : BigInt(`${whole}${part.padEnd(GWEI_DIGITS, '0')}`);
  }),
  placeholder: 'GWEI',
  allowed: 'an amount of GWEI, such as 0.25',
  show: (value) => {
    const text = value.toString().padStart(GWEI_DIGITS + 1, '0');
    return `${text.slice(0, -GWEI_DIGITS)}.${text.slice(-GWEI_DIGITS)}`;
  },
};

/** `tributary redeemer`. */
export const redeemerCommand = defineCommand({
  name: 'redeemer',
  summary: 'Redeem the winning tickets of a pool elsewhere, with a key of its own for the gas.',
  settings: {
    config: configSetting,
    dataDir: {
      type: path('DIR'),
      doc: 'Where the redeemer keeps what its signer has signed for; not the directory of a pool.',
      required: true,
      aliases: { dataDir: true, datadir: true },
    },
    databaseUrl: {
      type: url(['postgres:', 'postgresql:'], 'postgres://…'),
      doc: 'The PostgreSQL of the pool, which must have one of its own for a redeemer on another machine.',
      secret: true,
    },
    poolDataDir: {
      type: path('DIR'),
      doc: 'The data directory of a pool that runs on this machine with its embedded PostgreSQL, which no other machine can reach.',
    },
    network: {
      type: choice(['arbitrum-one', 'devnet']),
      doc: 'The network that the pool works on; devnet is any chain with the Livepeer contracts.',
      required: true,
      aliases: {
        network: (name: string) => (name === 'arbitrum-one-mainnet' ? 'arbitrum-one' : name),
      },
    },
    ethUrl: {
      type: listOf(url(['https:', 'http:'], 'https://…')),
      doc: 'RPC providers of the chain, the best one first; what they answer is compared.',
      required: true,
      secret: true,
      aliases: { ethUrl: true },
    },
    controller: {
      type: account,
      doc: 'The Controller of the Livepeer contracts.',
      defaultText: 'that of Arbitrum One; a devnet has none by default',
      aliases: { ethController: true },
    },
    orchestratorAddress: {
      type: account,
      doc: 'The on-chain orchestrator that the tickets name; no others are redeemed.',
      required: true,
      aliases: { ethOrchAddr: true },
    },
    keystore: {
      type: { ...path('DIR'), placeholder: 'FILE|DIR', allowed: 'the path of a file or directory' },
      doc: 'The key file of the account that pays the gas (Web3 V3 JSON), or the directory that holds it.',
      required: true,
      aliases: { ethKeystorePath: true },
    },
    passwordFile: {
      type: path('FILE'),
      doc: 'A file that holds the password of the key file, and nothing else.',
      required: true,
      aliases: { ethPassword: true },
    },
    account: {
      type: account,
      doc: 'The account that pays the gas, where the keystore holds several.',
      aliases: { ethAcctAddr: true },
    },
    signerPolicy: {
      type: path('FILE'),
      doc: 'Limits of the signer that the redeemer starts: a TOML file as tributary signer --config takes it.',
    },
    maxGasPrice: {
      type: gwei,
      doc: 'Above this price of gas no ticket is redeemed.',
      defaultText: 'no limit but the value of the ticket',
      aliases: { maxGasPrice: (wei: string) => fromWei(wei) },
    },
    adminAddr: {
      type: hostPort({ emptyHost: 'allowed' }),
      doc: 'Where health and metrics are served, in plain HTTP.',
      default: { host: '127.0.0.1', port: 7936 },
      why: 'Loopback, next to the port of a pool on the same machine.',
      aliases: { cliAddr: true },
    },
    logLevel: logLevelSetting,
  },
  check({ databaseUrl, poolDataDir, dataDir, network, controller }) {
    if ((databaseUrl === undefined) === (poolDataDir === undefined)) {
      return 'Give either --database-url, or --pool-data-dir of a pool on this machine.';
    }
    if (poolDataDir === dataDir) return '--data-dir must not be the directory of the pool.';
    if (network === 'devnet' && controller === undefined) {
      return '--network devnet needs --controller.';
    }
    return undefined;
  },
  examples: [
    'tributary redeemer --data-dir ~/redeemer --database-url postgres://… --network arbitrum-one --eth-url https://… --orchestrator-address 0x… --keystore ~/keys --password-file ~/password',
    'tributary pool … --redeemer off    the pool beside it',
  ],
});

/** The values with which a redeemer starts. */
export type RedeemerSettings = ValuesOf<(typeof redeemerCommand)['settings']>;

/** wire: -maxGasPrice of go-livepeer is in wei. */
function fromWei(text: string): string {
  if (!/^\d{1,20}$/.test(text)) return text;
  const digits = text.padStart(GWEI_DIGITS + 1, '0');
  return `${digits.slice(0, -GWEI_DIGITS)}.${digits.slice(-GWEI_DIGITS)}`;
}
