import { type AnySetting, defineCommand } from '../../base/command.ts';
import { onOff, path, text } from '../../base/setting-types.ts';
import { configSetting } from '../../base/standard-settings.ts';

const json = {
  type: onOff(),
  doc: 'Print {"address":…,"file":…} on standard output, and nothing else there.',
  default: false,
  why: 'People read it more often than programs.',
} as const;

/**
 * Where a new key file goes and what closes it. Not go-livepeer's -ethPassword: that may be the
 * password itself, which every user of the machine could read in the list of processes.
 */
const target = {
  config: configSetting,
  keystore: {
    type: path('DIR'),
    doc: 'The directory that gets the key file; it is made if it is missing.',
    required: true,
    aliases: { ethKeystorePath: true },
  },
  passwordFile: {
    type: path('FILE'),
    doc: 'A file that holds the password of the key file, and nothing else.',
    required: true,
  },
  json,
} as const satisfies Record<string, AnySetting>;

/** `tributary keys new`. */
export const newCommand = defineCommand({
  name: 'keys new',
  summary: 'Make an account: a new private key in a key file that geth and go-livepeer read.',
  settings: target,
  examples: ['tributary keys new --keystore ~/keys --password-file ~/password'],
});

/** `tributary keys import`. */
export const importCommand = defineCommand({
  name: 'keys import',
  summary: 'Put an existing private key, or the key file of another program, into a key file.',
  settings: {
    from: {
      type: { ...path('FILE'), placeholder: 'FILE', allowed: 'the path of a file, or -' },
      doc: 'A key file, or a file with a private key as 64 hex digits; - is standard input.',
      default: '-',
      why: 'What is piped leaves no file behind.',
      positional: 'only',
    },
    ...target,
    fromPasswordFile: {
      type: path('FILE'),
      doc: 'A file that holds the password of the key file that is imported.',
      defaultText: 'the one of --password-file',
    },
  },
  examples: [
    'tributary keys import ~/.lpData/arbitrum-one-mainnet/keystore/UTC--… --keystore ~/keys --password-file ~/password',
  ],
});

/** `tributary keys show`. */
export const showCommand = defineCommand({
  name: 'keys show',
  summary: 'Show the account of a key file; with its password, try whether it opens.',
  settings: {
    config: configSetting,
    keystore: {
      type: { ...path('DIR'), placeholder: 'FILE|DIR', allowed: 'the path of a file or directory' },
      doc: 'The key file, or the directory that holds it.',
      required: true,
      aliases: { ethKeystorePath: true },
    },
    address: {
      type: text('0x…'),
      doc: 'The account that is meant, where the directory holds several.',
      aliases: { ethAcctAddr: true },
    },
    passwordFile: {
      type: path('FILE'),
      doc: 'A file that holds the password; then the key is opened and its address compared.',
      defaultText: 'none: the address is what the file says',
    },
    json,
  },
  examples: ['tributary keys show --keystore ~/keys --json | jq -r .address'],
});
