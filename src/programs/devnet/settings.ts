import { defineCommand } from '../../base/command.ts';
import { decimal, integer, onOff, path } from '../../base/setting-types.ts';
import { configSetting, withParentSetting } from '../../base/standard-settings.ts';

/** `tributary devnet`. */
export const devnetCommand = defineCommand({
  name: 'devnet',
  summary: "Start a chain of its own on this machine, with the protocol's contracts on it.",
  settings: {
    config: configSetting,
    port: {
      type: integer({ min: 0, max: 65_535 }, 'PORT'),
      doc: 'The port of the JSON-RPC server on the loopback address; 0 takes a free one.',
      default: 8545,
      why: 'Every tool for Ethereum looks there first.',
    },
    json: {
      type: path('FILE'),
      doc: 'Also write URL, accounts with their keys, addresses and ABIs into this file, once all is ready.',
      defaultText: 'no file is written',
    },
    roundLength: {
      type: integer({ min: 2, max: 100_000 }, 'BLOCKS'),
      doc: 'Blocks in a round.',
      default: 50,
      why: 'Long enough to see what happens in a round, short enough to see several.',
    },
    blockTime: {
      type: decimal({ min: 0, max: 3600 }, 'SECONDS'),
      doc: 'Seconds between blocks; 0 makes a block for each transaction and none without.',
      default: 1,
      why: 'Rounds pass by themselves.',
    },
    stateFile: {
      type: path('FILE'),
      doc: 'Go on with the chain in this file, if it exists, and write it there at the end.',
      defaultText: 'each start makes a new chain',
    },
    initializeRounds: {
      type: onOff(),
      doc: 'Initialise each round as it begins.',
      default: true,
      why: 'On the live network somebody always does.',
    },
    withParent: withParentSetting,
  },
  examples: [
    'tributary devnet --json devnet.json',
    'tributary devnet --port 0 --round-length 20 --block-time 0.5 --state-file chain.json',
  ],
});
