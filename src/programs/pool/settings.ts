import { addressBlockType } from '../../api/client-address.ts';
import { defineCommand, type ValuesOf } from '../../base/command.ts';
import {
  address,
  addressOrOff,
  byteSize,
  choice,
  decimal,
  integerOrAuto,
  listOf,
  onOff,
  path,
  text,
  timeSpan,
  url,
} from '../../base/setting-types.ts';
import { configSetting, logLevelSetting, withParentSetting } from '../../base/standard-settings.ts';
import { chainComplaint, chainSettings } from './chain-settings.ts';
import { manifestSettings } from './manifest-settings.ts';
import { noticesComplaint, noticesSettings } from './notices-settings.ts';
import { paySettings } from './pay-settings.ts';

const MIB = 2 ** 20;
const SECOND_MS = 1000;

/** `tributary pool`. */
export const poolCommand = defineCommand({
  name: 'pool',
  summary: 'Run the pool: gateways in front, workers behind.',
  settings: {
    config: configSetting,
    dataDir: {
      type: path('DIR'),
      doc: 'Where the pool keeps its database, certificate and admin token; on a local disk.',
      required: true,
      aliases: { dataDir: true, datadir: true },
    },
    serviceAddr: {
      type: address({ emptyHost: 'refused' }),
      doc: 'The public address that gateways and workers reach the pool at. Port 0 takes the port that --listen gets.',
      required: true,
      aliases: { serviceAddr: true },
    },
    listen: {
      type: address({ emptyHost: 'allowed' }),
      doc: 'Where the pool listens for gateways and workers.',
      defaultText: 'every interface, at the port of --service-addr',
      why: 'The public address often belongs to a router or load balancer in front of the machine.',
      aliases: { httpAddr: true },
    },
    httpAddr: {
      type: addressOrOff(),
      doc: 'Where everybody may read what the pool publishes: its pages, /api/v1/ and /proofs/, in plain HTTP; put a proxy with TLS in front of it.',
      default: { host: '127.0.0.1', port: 8080 },
      why: 'Workers check their pay from there; loopback, until you decide who may reach it.',
    },
    publicUrl: {
      type: url(['https:', 'http:'], 'https://…'),
      doc: 'Where people find what --http-addr serves, behind the proxy: links lead there, and wallets sign in for no other site.',
      defaultText: 'http:// and the address of --http-addr',
      why: 'A program behind a proxy cannot know how it is called from outside.',
    },
    trustedProxy: {
      type: listOf(addressBlockType()),
      doc: 'Proxies in front of --http-addr and --admin-addr whose X-Forwarded-For is believed: limits then count for the last address there that is none of these.',
      default: [],
      defaultText: 'none: what a proxy says of who asks is not believed',
      why: 'Anybody can send such a header. Without this all who come through a proxy share the limits of one.',
    },
    operatorPages: {
      type: choice(['admin-address', 'everywhere']),
      doc: 'Where operators are served: on --admin-addr alone, or on --http-addr, too.',
      default: 'admin-address',
      why: 'What nobody reaches, nobody breaks into.',
    },
    adminAddr: {
      type: address({ emptyHost: 'allowed' }),
      doc: 'Where health, metrics and the admin API are served, in plain HTTP.',
      default: { host: '127.0.0.1', port: 7935 },
      why: 'Loopback: who reaches it may add and revoke workers. 7935 is the port of the stock CLI address.',
      aliases: { cliAddr: true },
    },
    adminToken: {
      type: text('TOKEN'),
      doc: 'The token that the admin API asks for; needed to serve it beyond loopback.',
      defaultText: 'made at the first start and kept in admin.token in the data directory',
      why: 'A file that only its owner can read needs no care from anybody.',
      secret: true,
    },
    databaseUrl: {
      type: url(['postgres:', 'postgresql:'], 'postgres://…'),
      doc: 'A PostgreSQL of yours.',
      defaultText: 'an embedded PostgreSQL in the data directory',
      why: 'One machine needs nothing installed; several pool nodes need a PostgreSQL that they share.',
      secret: true,
    },
    ...chainSettings,
    ...paySettings,
    ...manifestSettings,
    ...noticesSettings,
    authWebhookUrl: {
      type: url(['https:', 'http:'], 'https://…'),
      doc: 'A service of yours that is asked about each gateway: it answers with status 200 to let it in, perhaps with a price of its own.',
      defaultText: 'every gateway is served',
      why: 'The protocol is open to everybody.',
      secret: true,
      aliases: { authWebhookUrl: true },
    },
    tlsCert: {
      type: path('FILE'),
      doc: 'A certificate chain of yours (PEM), taken anew when the file changes.',
      defaultText: 'a self-signed certificate, made once and kept in the data directory',
      why: 'Stock nodes check no certificate, and our worker checks the pin in its join string.',
      reloadable: true,
    },
    tlsKey: {
      type: path('FILE'),
      doc: 'The private key (PEM) of --tls-cert.',
      reloadable: true,
    },
    localWorker: {
      type: onOff(),
      doc: 'Run a worker of ours beside the pool, on the devices of this machine; TRIBUTARY_DEVICE says on which.',
      default: false,
      why: 'Most pools leave transcoding to their workers.',
      aliases: { transcoder: true },
    },
    allowedHosts: {
      type: listOf(text('HOST')),
      doc: 'Hosts that segments may be fetched from and renditions stored at when a gateway asks for it; *.example.com allows subdomains.',
      default: [],
      defaultText: 'none',
      why: 'A pool that fetches any URL is a way into the network it stands in.',
    },
    allowedPrivateHosts: {
      type: listOf(text('HOST:PORT')),
      doc: 'Stores in your own network that count as allowed although their address is private; their certificate is not verified.',
      default: [],
      defaultText: 'none',
      why: 'Only an operator can know that nothing else answers at a private address.',
    },
    maxSessions: {
      type: integerOrAuto({ min: 1, max: 100_000 }),
      doc: 'Sessions of gateways that are served at once.',
      default: 'auto',
      why: 'auto is the sum of what the connected workers take.',
      aliases: { maxSessions: true },
    },
    segmentMemory: {
      type: byteSize({ min: 16 * MIB, max: 1024 * 1024 * MIB }),
      doc: 'Memory for segments and renditions in flight; beyond it a gateway is told to come back.',
      default: 256 * MIB,
      why: 'About 75 segments of 2 s at 6 Mbit/s with their renditions at the same moment.',
    },
    threads: {
      type: integerOrAuto({ min: 1, max: 256 }),
      doc: 'Threads for hashing and for checking results.',
      default: 'auto',
      why: 'auto is one for each core but the one that the network needs.',
    },
    drainTime: {
      type: timeSpan({ min: 0, max: 3600 * SECOND_MS }),
      doc: 'How long running segments may take to finish after SIGTERM.',
      default: 60 * SECOND_MS,
      why: 'A gateway waits at most 8 s for a segment of 2 s, and four times the duration of a long one.',
    },
    otlpUrl: {
      type: url(['http:', 'https:'], 'URL'),
      doc: 'An OpenTelemetry collector (OTLP over HTTP, such as http://127.0.0.1:4318) that is told of the way of segments.',
      defaultText: 'none',
    },
    otlpShare: {
      type: decimal({ min: 0, max: 1 }, 'SHARE'),
      doc: 'The share of segments whose way is told to --otlp-url.',
      default: 0.01,
      why: 'One of a hundred shows where time goes, and costs nothing that can be measured.',
    },
    logLevel: logLevelSetting,
    withParent: withParentSetting,
  },
  check(values) {
    if ((values.tlsCert === undefined) !== (values.tlsKey === undefined)) {
      return '--tls-cert and --tls-key go together: give both or neither.';
    }
    return noticesComplaint(values) ?? chainComplaint(values);
  },
  examples: [
    'tributary pool --data-dir ~/pool --service-addr pool.example:8935',
    'tributary pool --data-dir ~/pool --service-addr pool.example:8935 --network arbitrum-one --eth-url https://…,https://… --keystore ~/keys --password-file ~/password --price "0.05USD per 1e12 pixels"',
    'tributary pool settings --config pool.toml    each value and its origin',
  ],
});

/** The values with which a pool starts. */
export type PoolSettings = ValuesOf<(typeof poolCommand)['settings']>;
