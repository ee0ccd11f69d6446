import { defineCommand } from '../../base/command.ts';
import { onOff, path, read, type SettingType, text, url } from '../../base/setting-types.ts';

const address: SettingType<string> = {
  schema: read((given) =>
    /^0x[0-9a-fA-F]{40}$/.test(String(given)) ? String(given).toLowerCase() : undefined,
  ),
  placeholder: '0x…',
  allowed: 'an address: 0x and 40 hex digits',
};

/** `tributary verify`. */
export const verifyCommand = defineCommand({
  name: 'verify',
  summary: 'Check what a pool owes and paid to a worker, from published files and the chain alone.',
  settings: {
    pool: {
      type: { ...text('URL|DIR'), allowed: 'the address of a pool, or a folder with its proofs' },
      doc: 'The public address of the pool, or a folder with a copy of what it publishes.',
      required: true,
    },
    worker: {
      type: { ...text('WORKER'), allowed: 'the name, payout address or id of a worker' },
      doc: 'Whose pay is checked: a name, a payout address, or an id.',
      required: true,
    },
    rpc: {
      type: url(['https:', 'http:'], 'https://…'),
      doc: 'A node of the chain that the pool is on; your own one tells the truth.',
      defaultText: 'none: for a pool that is on no chain',
      secret: true,
    },
    controller: {
      type: address,
      doc: 'The Controller of the Livepeer contracts.',
      defaultText: 'that of Arbitrum One; of another chain it has to be given',
    },
    receipts: {
      type: path('DIR'),
      doc: 'The folder in which the worker kept its receipts (`tributary worker join --receipts`).',
      defaultText: 'none: then the work is what the pool says',
    },
    keep: {
      type: path('DIR'),
      doc: 'Where a copy of all that was checked is kept, for --pool or another verifier.',
      defaultText: 'nothing is kept',
    },
    json: {
      type: onOff(),
      doc: 'Print JSON on standard output, and nothing else there.',
      default: false,
      why: 'People read it more often than programs.',
    },
  },
  examples: [
    'tributary verify --pool https://pool.example --worker rig-1 --rpc https://… --receipts ~/receipts',
  ],
});
