import { exactAmount, parseAmount } from '../../base/amounts.ts';
import type { ValuesOf } from '../../base/command.ts';
import { type Wei, wei } from '../../base/money.ts';
import { listOf, path, read, type SettingType, url } from '../../base/setting-types.ts';
import { parsePrice } from '../../payments/price.ts';
import { parseDecimal, type Rational, rationalText } from '../../payments/rational.ts';
import { stockSendLimits } from '../../payments/send-params.ts';
import { checksumAddress, parseAddress } from '../../protocol/signature.ts';

const networkNames = ['offchain', 'arbitrum-one', 'devnet'] as const;
/** Where the gateway pays; nowhere off-chain. */
export type GatewayNetwork = (typeof networkNames)[number];
/** go-livepeer's name of the same network. */
const STOCK_ARBITRUM = 'arbitrum-one-mainnet';

const network: SettingType<GatewayNetwork> = {
  schema: read((given) => {
    const name = given === STOCK_ARBITRUM ? 'arbitrum-one' : given;
    return networkNames.find((known) => known === name);
  }),
  placeholder: networkNames.join('|'),
  allowed: `one of ${networkNames.join(', ')}`,
};

const account: SettingType<Uint8Array> = {
  schema: read((given) => parseAddress(String(given))),
  placeholder: '0x…',
  allowed: 'an address: 0x and 40 hex digits, with a correct checksum if in mixed case',
  show: checksumAddress,
};

const ether: SettingType<Wei> = {
  schema: read((given) => {
    const amount = parseAmount(String(given));
    return amount === undefined || amount > 10n ** 30n ? undefined : wei(amount);
  }),
  placeholder: 'ETH',
  allowed: 'an amount of ETH, such as 0.25',
  show: exactAmount,
};

const weiFraction: SettingType<Rational> = {
  schema: read((given) => {
    const amount = parseDecimal(String(given));
    return amount && amount.numerator > 0n ? amount : undefined;
  }),
  placeholder: 'WEI',
  allowed: 'an amount of wei above 0, such as 3e12',
  show: rationalText,
};

const weiPerPixel: SettingType<Rational> = {
  schema: read((given) => {
    const parsed = parsePrice(String(given));
    return parsed.ok && parsed.price.currency === 'wei' ? parsed.price.perUnit : undefined;
  }),
  placeholder: 'PRICE',
  allowed: 'a price in wei or eth, such as 1000wei or 0.000001eth per 1e9 pixels',
  show: (price) => `${rationalText(price)}wei`,
};

/** The settings of a gateway that pays, the same for every gateway command. */
export const chainSettings = {
  network: {
    type: network,
    doc: 'Where segments are paid for; devnet is any chain with a Controller.',
    defaultText:
      'offchain without --eth-url; with it devnet where --controller is given, else arbitrum-one',
  },
  ethUrl: {
    type: listOf(url(['https:', 'http:'], 'URL')),
    doc: 'The JSON-RPC URLs of nodes of the chain; the first that answers is asked.',
    secret: true,
    aliases: { ethUrl: true },
  },
  controller: {
    type: account,
    doc: 'The Controller through which the other contracts are found.',
    defaultText: 'the one of the network',
    aliases: { ethController: true },
  },
  keystore: {
    type: { ...path('DIR'), placeholder: 'FILE|DIR', allowed: 'the path of a file or directory' },
    doc: 'The key file of the account that pays, or the directory that holds it. The key is held by this process: give it no more than it may spend.',
    aliases: { ethKeystorePath: true },
  },
  passwordFile: {
    type: path('FILE'),
    doc: 'A file that holds the password of the key file, and nothing else.',
  },
  account: {
    type: account,
    doc: 'The account that pays, where the keystore holds several.',
    aliases: { ethAcctAddr: true },
  },
  deposit: {
    type: ether,
    doc: 'The deposit to have in the TicketBroker; what is missing is put in at the start.',
    defaultText: 'what is there',
  },
  reserve: {
    type: ether,
    doc: 'The reserve to have in the TicketBroker; what is missing is put in at the start.',
    defaultText: 'what is there',
  },
  maxPrice: {
    type: weiPerPixel,
    doc: 'The most that is paid per pixel; orchestrators that ask more are not used.',
    defaultText: 'any price',
    aliases: { maxPricePerUnit: true },
  },
  maxTicketEv: {
    type: weiFraction,
    doc: 'The most that one ticket may be worth on average, in wei.',
    default: stockSendLimits.maxTicketEv,
    why: 'It is the default of a stock gateway.',
    aliases: { maxTicketEV: true },
  },
  maxTotalEv: {
    type: weiFraction,
    doc: 'The most that the tickets of one payment may be worth on average, in wei.',
    default: stockSendLimits.maxTotalEv,
    why: 'It is the default of a stock gateway.',
    aliases: { maxTotalEV: true },
  },
} as const;

/** The values of {@link chainSettings}. */
export type ChainValues = ValuesOf<typeof chainSettings>;

/** The network that the settings mean. */
export function networkOf(values: ChainValues): GatewayNetwork {
  if (values.network) return values.network;
  if (!values.ethUrl || values.ethUrl.length === 0) return 'offchain';
  return values.controller ? 'devnet' : 'arbitrum-one';
}

/** What is wrong with the settings taken together; undefined when nothing is. */
export function checkChainSettings(values: ChainValues): string | undefined {
  const chosen = networkOf(values);
  if (chosen === 'offchain') {
    const idle = (['ethUrl', 'deposit', 'reserve'] as const).find(
      (name) => values[name] !== undefined,
    );
    return idle && `${flags[idle]} needs a network to pay on: give --network and --eth-url.`;
  }
  if (!values.ethUrl || values.ethUrl.length === 0) return `${chosen} needs --eth-url.`;
  if (chosen === 'devnet' && !values.controller) return 'A devnet needs --controller.';
  if (!values.keystore) return 'Paying needs --keystore.';
  return values.passwordFile ? undefined : 'Paying needs --password-file.';
}

const flags = { ethUrl: '--eth-url', deposit: '--deposit', reserve: '--reserve' } as const;
