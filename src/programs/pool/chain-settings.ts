import type { AnySetting, ValuesOf } from '../../base/command.ts';
import { choice, listOf, onOff, path, text, timeSpan, url } from '../../base/setting-types.ts';
import { TICKET_EV_DEFAULT } from '../../payments/face-value.ts';
import { parseCapabilityPrices, parseGatewayPrices } from '../../payments/price-lists.ts';
import { account, amount, jsonOrFile, price } from './chain-setting-types.ts';

const MINUTE_MS = 60_000;
const keystorePath = {
  ...path('DIR'),
  placeholder: 'FILE|DIR',
  allowed: 'the path of a file or directory',
};

/** What `tributary pool` takes besides when it works on a chain. */
export const chainSettings = {
  network: {
    type: choice(['offchain', 'arbitrum-one', 'devnet']),
    doc: 'The network that the pool works on; offchain means no tickets and no payments, devnet is any chain with the Livepeer contracts.',
    default: 'offchain',
    why: 'It needs neither keys nor money.',
    aliases: {
      network: (name: string) => (name === 'arbitrum-one-mainnet' ? 'arbitrum-one' : name),
    },
  },
  ethUrl: {
    type: listOf(url(['https:', 'http:'], 'https://…')),
    doc: 'RPC providers of the chain, the best one first; what they answer is compared.',
    default: [],
    defaultText: 'none',
    secret: true,
    aliases: { ethUrl: true },
  },
  controller: {
    type: account,
    doc: 'The Controller of the Livepeer contracts.',
    defaultText: 'that of Arbitrum One; a devnet has none by default',
    aliases: { ethController: true },
  },
  keystore: {
    type: keystorePath,
    doc: 'The key file of the node account (Web3 V3 JSON), or the directory that holds it.',
    aliases: { ethKeystorePath: true },
  },
  passwordFile: {
    type: path('FILE'),
    doc: 'A file that holds the password of the key file, and nothing else.',
    aliases: { ethPassword: true },
  },
  account: {
    type: account,
    doc: 'The node account, where the keystore holds several.',
    aliases: { ethAcctAddr: true },
  },
  redeemerKeystore: {
    type: keystorePath,
    doc: 'The key file of the account that redeems tickets and pays the gas for it.',
    defaultText: 'the node account does it',
  },
  redeemerPasswordFile: { type: path('FILE'), doc: 'The password of --redeemer-keystore.' },
  rewardCallerKeystore: {
    type: keystorePath,
    doc: 'The key file of the account that calls reward.',
    defaultText: 'the node account does it',
  },
  rewardCallerPasswordFile: {
    type: path('FILE'),
    doc: 'The password of --reward-caller-keystore.',
  },
  payoutKeystore: {
    type: keystorePath,
    doc: 'The key file of an account of its own that pays workers; what lies in it is all that payouts can move.',
    defaultText: 'nobody is paid on chain',
    why: 'Payouts go to anybody, which the node account never may.',
  },
  payoutPasswordFile: { type: path('FILE'), doc: 'The password of --payout-keystore.' },
  payoutGasMoney: {
    type: amount('ETH'),
    doc: 'What stays in the account that pays workers, for the gas of payouts.',
    default: 10_000_000_000_000_000n,
    why: 'Some hundred batches on Arbitrum.',
  },
  signer: {
    type: text('PATH|HOST:PORT'),
    doc: 'A running tributary signer that holds the keys: its Unix socket, or its address with --signer-cert, --signer-key and --signer-ca.',
    defaultText: 'one of its own, as a child process',
  },
  signerCert: { type: path('FILE'), doc: 'Our certificate (PEM) for a signer on another machine.' },
  signerKey: { type: path('FILE'), doc: 'The private key (PEM) of --signer-cert.' },
  signerCa: {
    type: path('FILE'),
    doc: 'The certificate (PEM) of the authority that vouches for that signer.',
  },
  signerPolicy: {
    type: path('FILE'),
    doc: 'Limits of the signer that the pool starts: a TOML file as tributary signer --config takes it.',
  },
  orchestratorAddress: {
    type: account,
    doc: 'The on-chain orchestrator that tickets name; its key may be kept elsewhere.',
    defaultText: 'the node account',
    aliases: { ethOrchAddr: true },
  },
  anchor: {
    type: onOff(),
    doc: 'Write the hash of each closed epoch into the chain, so that nobody can ever publish another one.',
    default: false,
    why: 'It costs the gas of a transaction for each epoch; the signed record proves as much to whoever kept it.',
  },
  price: {
    type: price,
    doc: 'What a pixel costs, until tributary prices set says otherwise: 1000wei, or 0.05USD per 1e12 pixels. Amounts are exact; the currency is wei (also when left out), eth, or the one that --price-feed converts.',
    aliases: { pricePerUnit: true },
  },
  pricePerGateway: {
    type: jsonOrFile(
      parseGatewayPrices,
      '{"gateways":[{"ethaddress":"0x…","priceperunit":0.5,"currency":"USD","pixelsperunit":1e12}]}',
    ),
    doc: 'Other prices for some gateways, by their accounts; with a pipeline, and perhaps a model_id, for that capability alone.',
    aliases: { pricePerGateway: true, pricePerBroadcaster: true },
  },
  pricePerCapability: {
    type: jsonOrFile(
      parseCapabilityPrices,
      '{"capabilities_prices":[{"pipeline":"text-to-image","model_id":"default","price_per_unit":1000,"pixels_per_unit":1}]}',
    ),
    doc: 'Prices of capabilities and models.',
    aliases: { pricePerCapability: true },
  },
  autoAdjustPrice: {
    type: onOff(),
    doc: 'Raise prices by what redeeming tickets costs.',
    default: true,
    why: 'It is 1 % where gas is cheap, and pays for the gas where it is not.',
    aliases: { autoAdjustPrice: true },
  },
  priceFeed: {
    type: account,
    doc: 'A Chainlink price feed for ETH and the currency of --price, read every hour.',
    defaultText: 'that for USD on Arbitrum One',
    aliases: { priceFeedAddr: true },
  },
  ticketEv: {
    type: amount('wei'),
    doc: 'What a ticket is worth on average; gateways keep at least so much credit.',
    default: TICKET_EV_DEFAULT as bigint,
    why: 'Far below what stock gateways take at most (3e12).',
    aliases: { ticketEV: true },
  },
  maxFaceValue: {
    type: amount('wei'),
    doc: 'The most that a winning ticket pays; the lower, the more of them win.',
    default: 0n,
    defaultText: 'no limit',
    aliases: { maxFaceValue: true },
  },
  maxGasPrice: {
    type: amount('GWEI'),
    doc: 'The most that any transaction may pay for a unit of gas; above it no ticket is redeemed. The signer has a limit of its own.',
    defaultText: 'the value of a ticket, and 10 GWEI on Arbitrum One',
    aliases: { maxGasPrice: (wei: string) => `${wei}e-9` },
  },
  maxUnpaid: {
    type: amount('wei'),
    doc: 'The most that a gateway may owe with all its segments under way; beyond it is told to wait.',
    default: 20_000_000_000_000n,
    why: 'Stock gateways pay at most so much at once.',
  },
  redeemer: {
    type: onOff(),
    doc: 'Redeem winning tickets here.',
    default: true,
    why: 'Turn it off where tributary redeemer does it elsewhere.',
  },
  reward: {
    type: onOff(),
    doc: 'Call reward in every round.',
    default: true,
    why: 'What is not called for in its round is lost.',
    aliases: { reward: true },
  },
  initializeRound: {
    type: onOff(),
    doc: 'Initialise a round that nobody else does.',
    default: false,
    why: 'It costs gas, and others do it.',
    aliases: { initializeRound: true },
  },
  initializeRoundMaxDelay: {
    type: timeSpan({ min: 0, max: 60 * MINUTE_MS }),
    doc: 'The longest random wait before a round is initialised.',
    default: 5 * MINUTE_MS,
    why: 'Not everybody pays for the same.',
    aliases: { initializeRoundMaxDelay: true },
  },
  withdrawFeesAbove: {
    type: amount('ETH'),
    doc: 'Withdraw the fees of the orchestrator when they are this much.',
    defaultText: 'never by itself',
  },
  withdrawFeesTo: {
    type: account,
    doc: 'Who gets fees that are withdrawn by themselves.',
    defaultText: 'the orchestrator',
  },
  minGasMoney: {
    type: amount('ETH'),
    doc: 'An alarm is raised when an account that pays for gas has less.',
    default: 5_000_000_000_000_000n,
    why: 'Weeks of redemptions and rewards on Arbitrum.',
  },
} as const satisfies Readonly<Record<string, AnySetting>>;

/** The values of {@link chainSettings}. */
export type ChainSettings = ValuesOf<typeof chainSettings>;

/** What is missing or does not go together, in a sentence; undefined when all is well. */
export function chainComplaint(values: ChainSettings): string | undefined {
  if (values.network === 'offchain') return undefined;
  const missing = missingOptions(values);
  if (missing.length > 0) return `--network ${values.network} needs ${missing.join(', ')}.`;
  const { signer, signerCert, signerKey, signerCa } = values;
  const tls = [signerCert, signerKey, signerCa].filter((file) => file !== undefined).length;
  if (tls !== 0 && (tls !== 3 || signer === undefined)) {
    return '--signer-cert, --signer-key and --signer-ca go together, and with --signer.';
  }
  if (signer !== undefined && values.keystore !== undefined) {
    return 'Give either --signer or --keystore: only one of them holds the key.';
  }
  if (signer !== undefined && values.payoutKeystore !== undefined) {
    return 'Give --payout-keystore to the signer that --signer names: it holds the keys.';
  }
  const currency = values.price?.currency ?? 'wei';
  if (currency !== 'wei' && values.network === 'devnet' && values.priceFeed === undefined) {
    return `--price in ${currency} needs --price-feed on a devnet.`;
  }
  if (values.maxFaceValue > 0n && values.maxFaceValue <= values.ticketEv) {
    return '--max-face-value must be above --ticket-ev: else every ticket would have to win.';
  }
  return undefined;
}

function missingOptions(values: ChainSettings): readonly string[] {
  const { network, ethUrl, controller, keystore, passwordFile, signer, price: asked } = values;
  const needs: readonly (readonly [boolean, string])[] = [
    [ethUrl.length === 0, '--eth-url'],
    [network === 'devnet' && controller === undefined, '--controller'],
    [signer === undefined && keystore === undefined, '--keystore (or --signer)'],
    [keystore !== undefined && passwordFile === undefined, '--password-file'],
    [asked === undefined, '--price'],
  ];
  return needs.filter(([lacks]) => lacks).map(([, option]) => option);
}
