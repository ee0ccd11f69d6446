import { parseArgs } from 'node:util';
import { startCannedWorker } from './relay-load.ts';
import { cannedMedia } from './relay-media.ts';

// A canned worker as a process of its own, so that it can be killed as one. Tells whoever forked it
// when it has a source and begins to pretend a transcode.

const { values: flags } = parseArgs({
  options: {
    port: { type: 'string' },
    credential: { type: 'string' },
    'transcode-ms': { type: 'string', default: '0' },
  },
});
const transcodeMs = Number(flags['transcode-ms']);

startCannedWorker(await cannedMedia(), {
  port: Number(flags.port),
  credential: flags.credential ?? '',
  async transcode() {
    process.send?.('transcoding');
    await new Promise((resolve) => setTimeout(resolve, transcodeMs));
  },
});
process.on('disconnect', () => process.exit());
