import { addressBlockType } from '../../api/client-address.ts';
import { defineCommand, type ValuesOf } from '../../base/command.ts';
import {
  address,
  listOf,
  path,
  read,
  type SettingType,
  text,
  timeSpan,
  url,
} from '../../base/setting-types.ts';
import { configSetting, logLevelSetting, withParentSetting } from '../../base/standard-settings.ts';

const SECOND_MS = 1_000;

const account: SettingType<string> = {
  schema: read((given) =>
    /^0x[0-9a-fA-F]{40}$/.test(String(given)) ? String(given).toLowerCase() : undefined,
  ),
  placeholder: '0x…',
  allowed: 'an address: 0x and 40 hex digits',
};

/** `tributary directory`. */
export const directoryCommand = defineCommand({
  name: 'directory',
  summary: 'List pools from their signed manifests, and show what was measured of them.',
  settings: {
    config: configSetting,
    seed: {
      type: path('FILE'),
      doc: 'The pools to look at: a line with the address of each, or TOML with pools = ["https://…"].',
      required: true,
    },
    dataDir: {
      type: path('DIR'),
      doc: 'Where what was seen is kept, a file for each pool.',
      default: 'directory',
      why: 'It needs no database: the history of a thousand pools is some 100 MB.',
    },
    name: {
      type: text('TEXT'),
      doc: 'What the directory is called on its pages.',
      default: 'Livepeer pools',
      why: 'It says what is listed.',
    },
    httpAddr: {
      type: address({ emptyHost: 'allowed' }),
      doc: 'Where the pages and /api/v1/pools are served, in plain HTTP; put a proxy with TLS in front of it.',
      default: { host: '127.0.0.1', port: 8090 },
      why: 'Loopback, until you decide who may reach it.',
    },
    trustedProxy: {
      type: listOf(addressBlockType()),
      doc: 'Proxies in front of --http-addr whose X-Forwarded-For is believed: limits then count for the last address there that is none of these.',
      default: [],
      defaultText: 'none: what a proxy says of who asks is not believed',
      why: 'Anybody can send such a header. Without this all who come through a proxy share the limits of one.',
    },
    rpc: {
      type: url(['https:', 'http:'], 'https://…'),
      doc: 'A node of the chain that the pools are on: identity, income and payouts are held against it.',
      defaultText: 'none: then nothing on a chain is looked at',
      secret: true,
    },
    controller: {
      type: account,
      doc: 'The Controller of the Livepeer contracts.',
      defaultText: 'that of Arbitrum One; of another chain it has to be given',
    },
    every: {
      type: timeSpan({ min: SECOND_MS, max: 24 * 3600 * SECOND_MS }),
      doc: 'How long to wait between looks at the pools.',
      default: 600 * SECOND_MS,
      why: 'Six looks an hour show an outage of ten minutes, and cost a pool a few kilobytes.',
    },
    allowPrivate: {
      type: listOf(text('HOST:PORT')),
      doc: 'Places that are looked at although their address is not a public one: for tests, and pools in your own network.',
      default: [],
      defaultText: 'none',
      why: 'A program that fetches what strangers name is a way into the network it stands in.',
    },
    logLevel: logLevelSetting,
    withParent: withParentSetting,
  },
  examples: [
    'tributary directory --seed pools.txt --data-dir ~/directory --rpc https://arb1.example/rpc',
  ],
});

/** The values with which a directory starts. */
export type DirectorySettings = ValuesOf<(typeof directoryCommand)['settings']>;
