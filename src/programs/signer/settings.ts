import { type AnySetting, defineCommand, type ValuesOf } from '../../base/command.ts';
import {
  choice,
  address as hostPort,
  integer,
  listOf,
  onOff,
  path,
  read,
  type SettingType,
} from '../../base/setting-types.ts';
import { configSetting, logLevelSetting } from '../../base/standard-settings.ts';
import {
  type ContractPlace,
  parseContractPlace,
  showContractPlace,
  signingContracts,
} from '../../chain/signing-contracts.ts';

const GWEI_DIGITS = 9;
const COIN_DIGITS = 18;

/** As typed: its checksum is looked at in policy.ts, as every command loads this file. */
const account: SettingType<`0x${string}`> = {
  schema: read((given) => {
    const text = String(given);
    return /^0x[0-9a-fA-F]{40}$/.test(text) ? (text as `0x${string}`) : undefined;
  }),
  placeholder: '0x…',
  allowed: 'an address: 0x and 40 hex digits, with a correct checksum if in mixed case',
};

const contractPlace: SettingType<ContractPlace> = {
  schema: read((given) => parseContractPlace(String(given))),
  placeholder: 'NAME=0x…',
  allowed: `NAME=0x…, with a NAME of ${signingContracts.join(', ')}`,
  show: showContractPlace,
};

/** An exact decimal amount; the value is in the smallest unit. */
function amount(digits: number, unit: string): SettingType<bigint> {
  const schema = read((given) => {
    const [, whole, part = ''] = /^(\d{1,12})(?:\.(\d{1,18}))?$/.exec(String(given)) ?? [];
    if (whole === undefined || part.length > digits) return undefined;
    return BigInt(`${whole}${part.padEnd(digits, '0')}`);
  });
  const show = (value: bigint) => {
    const text = value.toString().padStart(digits + 1, '0');
    return `${text.slice(0, -digits)}.${text.slice(-digits)}`.replace(/\.?0+$/, '');
  };
  return { schema, placeholder: unit, allowed: `an amount of ${unit}, such as 0.25`, show };
}
const coin = (units: bigint) => units * 10n ** BigInt(COIN_DIGITS);
const milli = (units: bigint) => units * 10n ** BigInt(COIN_DIGITS - 3);
const gwei = (units: bigint) => units * 10n ** BigInt(GWEI_DIGITS);

const keystorePath: SettingType<string> = {
  ...path('DIR'),
  placeholder: 'FILE|DIR',
  allowed: 'the path of a file or directory',
};

/** Settings of a further account; without them the main account has its role. */
function furtherAccount(what: string) {
  return {
    keystore: {
      type: keystorePath,
      doc: `The key file of an account that ${what}, or the directory that holds it.`,
      defaultText: 'the main account does it',
    },
    passwordFile: {
      type: path('FILE'),
      doc: `A file that holds the password of the account that ${what}.`,
      defaultText: 'the one of --password-file',
    },
    account: {
      type: account,
      doc: `The account that ${what}, where its directory holds several.`,
    },
  } as const satisfies Record<string, AnySetting>;
}
const redeemer = furtherAccount('redeems tickets');
const rewardCaller = furtherAccount('calls reward');
const payout = furtherAccount('pays workers');

/** The most of a token that leaves as payouts. */
interface PayoutToken {
  readonly address: `0x${string}`;
  readonly perTransaction: bigint;
  readonly perDay: bigint;
}

const payoutToken: SettingType<PayoutToken> = {
  schema: read((given) => {
    const parts = /^(0x[0-9a-fA-F]{40})=(\d{1,40})\/(\d{1,40})$/.exec(String(given));
    const [, address, perTransaction = '', perDay = ''] = parts ?? [];
    if (!address) return undefined;
    const limits = { perTransaction: BigInt(perTransaction), perDay: BigInt(perDay) };
    return { address: address as `0x${string}`, ...limits };
  }),
  placeholder: '0x…=EACH/DAY',
  allowed: '0x…=EACH/DAY: a token with the most of a transaction and of 24 hours, in base units',
  show: ({ address, perTransaction, perDay }) => `${address}=${perTransaction}/${perDay}`,
};

/** `tributary signer`. */
export const signerCommand = defineCommand({
  name: 'signer',
  summary: 'Hold the keys in a process of their own, and sign what the policy allows.',
  settings: {
    config: configSetting,
    network: {
      type: choice(['arbitrum-one', 'devnet']),
      doc: 'The network that transactions are signed for; devnet is any chain with the contracts.',
      required: true,
    },
    chainId: {
      type: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }, 'ID'),
      doc: 'The chain id of a devnet; transactions for another are refused.',
    },
    contracts: {
      type: listOf(contractPlace),
      doc: 'Contracts that may be called, besides those that the network is known to have, or instead of them.',
      default: [],
      defaultText: 'those of Arbitrum One; none on a devnet',
    },
    keystore: {
      type: keystorePath,
      doc: 'The key file of the main account, or the directory that holds it.',
      required: true,
      aliases: { ethKeystorePath: true },
    },
    passwordFile: {
      type: path('FILE'),
      doc: 'A file that holds the password of the key file, and nothing else.',
      required: true,
    },
    account: {
      type: account,
      doc: 'The main account, where the directory holds several.',
      aliases: { ethAcctAddr: true },
    },
    roles: {
      type: listOf(choice(['node', 'redeemer', 'reward_caller', 'payout'])),
      doc: 'What the main account is for; without node it signs no results.',
      default: [],
      defaultText: 'all but payout that no further account is named for',
    },
    redeemerKeystore: redeemer.keystore,
    redeemerPasswordFile: redeemer.passwordFile,
    redeemerAccount: redeemer.account,
    rewardCallerKeystore: rewardCaller.keystore,
    rewardCallerPasswordFile: rewardCaller.passwordFile,
    rewardCallerAccount: rewardCaller.account,
    payoutKeystore: {
      ...payout.keystore,
      defaultText: 'no payouts are signed, unless --roles names payout',
    },
    payoutPasswordFile: payout.passwordFile,
    payoutAccount: payout.account,
    payoutTokens: {
      type: listOf(payoutToken),
      doc: 'Tokens that the account for payouts may send to anybody, each with its limits.',
      default: [],
      defaultText: 'none; ETH goes out within --max-eth and --max-eth-per-day',
      why: 'The signer cannot know workers: these limits are what a pool that was taken over can lose.',
    },
    orchestrator: {
      type: account,
      doc: 'The on-chain orchestrator, which may be a cold account: bonds, tickets and rewards must name it.',
      defaultText: 'the main account',
      aliases: { ethOrchAddr: true },
    },
    socket: {
      type: path('FILE'),
      doc: 'Listen at a Unix socket; only its owner may use it, and enter its directory.',
    },
    listen: {
      type: hostPort({ emptyHost: 'allowed' }),
      doc: 'Listen for other machines, with mutual TLS.',
    },
    tlsCert: { type: path('FILE'), doc: 'The certificate chain (PEM) that is shown to clients.' },
    tlsKey: { type: path('FILE'), doc: 'The private key (PEM) of --tls-cert.' },
    clientCa: {
      type: path('FILE'),
      doc: 'The certificate (PEM) of the authority that vouches for clients; nobody else may connect.',
    },
    stateFile: {
      type: path('FILE'),
      doc: 'Where the amounts that were signed for in the last 24 hours are kept.',
      required: true,
    },
    maxGas: {
      type: integer({ min: 21_000, max: 1_000_000_000 }, 'GAS'),
      doc: 'The highest gas limit of a transaction.',
      default: 30_000_000,
      why: 'Room for a batch of a hundred tickets.',
    },
    maxGasPrice: {
      type: amount(GWEI_DIGITS, 'GWEI'),
      doc: 'The highest price of a unit of gas.',
      default: gwei(100n),
      why: 'Arbitrum asks a hundredth of one; a spike of a thousand times that still goes through.',
      aliases: { maxGasPrice: fromWei },
    },
    maxFee: {
      type: amount(COIN_DIGITS, 'ETH'),
      doc: 'The most that the gas of one transaction may cost.',
      default: milli(100n),
      why: 'Hundreds of times what a redemption costs on a usual day.',
    },
    maxFeesPerDay: {
      type: amount(COIN_DIGITS, 'ETH'),
      doc: 'The most that the gas of all transactions within 24 hours may cost, at their own limits and prices.',
      default: coin(1n),
      why: 'Limits and prices are several times what is paid in the end.',
    },
    maxEth: {
      type: amount(COIN_DIGITS, 'ETH'),
      doc: 'The most ETH that one transaction may withdraw or send.',
      default: coin(10n),
      why: 'Fees of many months of a large pool.',
    },
    maxEthPerDay: {
      type: amount(COIN_DIGITS, 'ETH'),
      doc: 'The most ETH that may be withdrawn and sent within 24 hours.',
      default: coin(20n),
      why: 'A second withdrawal on the same day is possible, a tenth is not.',
    },
    maxLpt: {
      type: amount(COIN_DIGITS, 'LPT'),
      doc: 'The most LPT that one transaction may bond, unbond, send or allow to be taken.',
      default: coin(100_000n),
      why: 'More than most orchestrators have of their own.',
    },
    maxLptPerDay: {
      type: amount(COIN_DIGITS, 'LPT'),
      doc: 'The most LPT that may be bonded, unbonded and sent within 24 hours.',
      default: coin(200_000n),
      why: 'Enough to move all of it once in each direction.',
    },
    polls: {
      type: listOf(account),
      doc: 'Polls that may be voted in; votes on proposals of the governor always may.',
      default: [],
      defaultText: 'none',
      why: 'Anybody can put a contract on the chain that looks like a poll.',
    },
    withdrawTo: {
      type: listOf(account),
      doc: 'Who may get fees out of the protocol.',
      default: [],
      defaultText: 'only the orchestrator and the account itself',
    },
    transferTo: {
      type: listOf(account),
      doc: 'Who may be sent ETH and LPT.',
      default: [],
      defaultText: 'nobody',
      why: 'No duty of a pool needs it.',
    },
    withParent: {
      type: onOff(),
      doc: 'End when standard input ends: so does a signer that a pool started.',
      default: false,
      why: 'A service manager gives a service no standard input.',
    },
    logLevel: logLevelSetting,
  },
  check(values) {
    const { network, chainId, socket, listen, tlsCert, tlsKey, clientCa } = values;
    if (network === 'devnet' && chainId === undefined) return '--network devnet needs --chain-id.';
    if (network === 'arbitrum-one' && chainId !== undefined && chainId !== ARBITRUM_ONE) {
      return `--network arbitrum-one has the chain id ${ARBITRUM_ONE}.`;
    }
    if ((socket === undefined) === (listen === undefined)) {
      return 'Give either --socket or --listen.';
    }
    const tls = [tlsCert, tlsKey, clientCa].filter((file) => file !== undefined).length;
    if (tls !== (listen ? 3 : 0)) {
      return '--listen goes together with --tls-cert, --tls-key and --client-ca: all or none.';
    }
    return limitComplaint(values);
  },
  examples: [
    'tributary signer --network arbitrum-one --keystore ~/keys --password-file ~/password --socket ~/signer/signer.sock --state-file ~/signer/sums.sqlite',
  ],
});
/** Chain id of Arbitrum One. */
export const ARBITRUM_ONE = 42_161;

/** The values with which a signer starts. */
export type SignerSettings = ValuesOf<(typeof signerCommand)['settings']>;

/** What could never be signed is a mistake, not a limit. */
function limitComplaint(values: {
  readonly maxFee: bigint;
  readonly maxFeesPerDay: bigint;
  readonly maxEth: bigint;
  readonly maxEthPerDay: bigint;
  readonly maxLpt: bigint;
  readonly maxLptPerDay: bigint;
}): string | undefined {
  if (values.maxFee > values.maxFeesPerDay) return '--max-fee is above --max-fees-per-day.';
  if (values.maxEth > values.maxEthPerDay) return '--max-eth is above --max-eth-per-day.';
  if (values.maxLpt > values.maxLptPerDay) return '--max-lpt is above --max-lpt-per-day.';
  return undefined;
}

/** wire: -maxGasPrice of go-livepeer is in wei. */
function fromWei(text: string): string {
  if (!/^\d{1,20}$/.test(text)) return text;
  const digits = text.padStart(GWEI_DIGITS + 1, '0');
  return `${digits.slice(0, -GWEI_DIGITS)}.${digits.slice(-GWEI_DIGITS)}`;
}
