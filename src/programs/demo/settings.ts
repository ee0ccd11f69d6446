import { defineCommand } from '../../base/command.ts';
import { address, integer, onOff, path } from '../../base/setting-types.ts';
import { configSetting } from '../../base/standard-settings.ts';

/** `tributary demo`. */
export const demoCommand = defineCommand({
  name: 'demo',
  summary:
    'Run a whole pool here, on a chain of its own: stream, kill a worker, redeem, verify pay.',
  settings: {
    config: configSetting,
    input: {
      type: path('FILE'),
      doc: 'The video to stream; whatever FFmpeg reads.',
      defaultText: 'a test video with sound, made on the spot',
      why: 'Nothing needs to be downloaded.',
    },
    output: {
      type: path('DIR'),
      doc: 'Where the HLS folder is written.',
      default: 'demo-output/',
      why: 'It is in .gitignore.',
    },
    seconds: {
      type: integer({ min: 8, max: 86_400 }, 'SECONDS'),
      doc: 'How much video is streamed.',
      default: 30,
      why: 'Long enough to see the worker die and the other one take over.',
    },
    segments: {
      type: integer({ min: 4, max: 43_200 }),
      doc: 'How many segments of 2 s are streamed; instead of --seconds.',
      defaultText: 'what --seconds makes',
    },
    stay: {
      type: onOff(),
      doc: 'Leave everything running afterwards, with its pages, until Ctrl-C.',
      default: false,
      why: 'Whoever runs it to see whether it works wants it to end.',
    },
    httpAddr: {
      type: address({ emptyHost: 'refused' }),
      doc: 'Where the pool serves its pages with --stay.',
      default: { host: '127.0.0.1', port: 8080 },
      why: 'Nobody but this machine should see a demo.',
    },
    svg: {
      type: path('FILE'),
      doc: 'Also draw the last screen as an SVG file.',
      defaultText: 'none is drawn',
    },
    json: {
      type: onOff(),
      doc: 'Print the result as one JSON object on standard output, and nothing else there.',
      default: false,
      why: 'People read it more often than programs.',
    },
  },
  examples: [
    'tributary demo --seconds 60',
    'tributary demo --input film.mp4 --output film/',
    'tributary demo --stay',
  ],
});
