import { defineCommand } from '../../base/command.ts';
import {
  address,
  decimal,
  integer,
  listOf,
  onOff,
  path,
  serviceUrl,
} from '../../base/setting-types.ts';
import { configSetting, logLevelSetting, withParentSetting } from '../../base/standard-settings.ts';
import { chainSettings, checkChainSettings } from './chain-settings.ts';

const orchestrator = {
  type: listOf(serviceUrl()),
  doc: 'The orchestrators to send segments to, the first that answers well first.',
  required: true,
  aliases: { orchAddr: true },
} as const;

const profiles = {
  type: path('FILE|NAMES'),
  doc: 'The ladder: names of presets, or a JSON file as the stock -transcodingOptions takes it.',
  default: 'P240p30fps16x9,P360p30fps16x9',
  why: 'It is the default of a stock gateway.',
  aliases: { transcodingOptions: true },
} as const;

const maxAttempts = {
  type: integer({ min: 1, max: 10 }),
  doc: 'How often a segment is tried, each time at another orchestrator where there is one.',
  default: 3,
  why: 'It is the default of a stock gateway.',
  aliases: { maxAttempts: true },
} as const;

/** `tributary gateway push`. */
export const gatewayPushCommand = defineCommand({
  name: 'gateway push',
  summary: 'Send a file through a pool and write the renditions as HLS.',
  settings: {
    config: configSetting,
    orchestrator,
    input: {
      type: path('FILE'),
      doc: 'The video to send; whatever FFmpeg reads.',
      required: true,
    },
    output: {
      type: path('DIR'),
      doc: 'Where the HLS folder is written; it is made if it is not there.',
      required: true,
    },
    profiles,
    live: {
      type: onOff(),
      doc: 'Send each segment when a live stream would have it, rather than as fast as answers come.',
      default: false,
      why: 'A file need not wait.',
    },
    seconds: {
      type: decimal({ min: 0.5, max: 86_400 }, 'SECONDS'),
      doc: 'How much of the file is sent.',
      defaultText: 'all of it',
    },
    segmentSeconds: {
      type: decimal({ min: 0.5, max: 60 }, 'SECONDS'),
      doc: 'The length of a segment.',
      default: 2,
      why: 'It is what stock gateways cut.',
    },
    maxAttempts,
    ...chainSettings,
    json: {
      type: onOff(),
      doc: 'Print one JSON object a line on standard output, for each segment and the summary.',
      default: false,
      why: 'People read it more often than programs.',
    },
    logLevel: {
      ...logLevelSetting,
      default: 'warn',
      why: 'The view on the terminal says the rest.',
    },
    withParent: withParentSetting,
  },
  check: (values) => checkChainSettings(values),
  examples: [
    'tributary gateway push --orchestrator https://pool.example:8935 --input film.mp4 --output hls/ --live',
    'tributary gateway push --orchestrator … --input film.mp4 --output hls/ --eth-url http://127.0.0.1:8545 --controller 0x… --keystore keys/ --password-file password --deposit 0.1 --reserve 0.1',
  ],
});

/** `tributary gateway serve`. */
export const gatewayServeCommand = defineCommand({
  name: 'gateway serve',
  summary: 'Take segments over HTTP like a stock gateway and send them through a pool.',
  settings: {
    config: configSetting,
    orchestrator,
    httpAddr: {
      type: address({ emptyHost: 'allowed' }),
      doc: 'Where POST /live/NAME/SEQ.ts is taken; a client that accepts multipart/mixed gets the renditions back.',
      default: { host: '127.0.0.1', port: 8937 },
      why: 'Loopback: anybody who reaches it spends your money. A pool beside it has 8935 and 7935.',
      aliases: { httpAddr: true },
    },
    profiles,
    maxAttempts,
    maxSessions: {
      type: integer({ min: 1, max: 10_000 }),
      doc: 'Streams that are taken at once.',
      default: 10,
      why: 'It is the default of a stock gateway.',
      aliases: { maxSessions: true },
    },
    ...chainSettings,
    logLevel: logLevelSetting,
    withParent: withParentSetting,
  },
  check: (values) => checkChainSettings(values),
  examples: ['tributary gateway serve --orchestrator https://pool.example:8935'],
});
