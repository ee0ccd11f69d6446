import { defineCommand } from '../../base/command.ts';
import {
  address,
  integerOrAuto,
  path,
  read,
  secretOrFile,
  timeSpan,
} from '../../base/setting-types.ts';
import { configSetting, logLevelSetting, withParentSetting } from '../../base/standard-settings.ts';
import { DEVICES_ALLOWED, parseDevices } from '../../media/device.ts';

const SECOND_MS = 1000;

/** `tributary worker join`. */
export const workerJoinCommand = defineCommand({
  name: 'worker join',
  summary: 'Join a pool, or a stock orchestrator, with the devices of this machine.',
  settings: {
    join: {
      type: {
        ...secretOrFile(),
        placeholder: 'JOIN_STRING',
        allowed: 'the join string that `tributary workers add` printed, or a file that holds it',
      },
      doc: "What the pool's operator gave you: address, certificate pin and credential in one.",
      positional: 'too',
      secret: true,
    },
    config: configSetting,
    orchAddr: {
      type: address({ emptyHost: 'refused' }),
      doc: 'The orchestrator to work for, where there is no join string.',
      aliases: { orchAddr: true },
    },
    credential: {
      type: secretOrFile(),
      doc: 'The credential or shared secret for --orch-addr, or the path of a file that holds it.',
      secret: true,
      aliases: { orchSecret: true },
    },
    maxSessions: {
      type: integerOrAuto({ min: 1, max: 10_000 }),
      doc: 'Sessions to take at once.',
      default: 'auto',
      why: 'auto measures the standard ladder on each device and takes what stays ahead of live.',
      aliases: { maxSessions: true },
    },
    device: {
      type: {
        schema: read((given) =>
          typeof given === 'string' && parseDevices(given) ? given : undefined,
        ),
        placeholder: 'DEVICE',
        allowed: DEVICES_ALLOWED,
      },
      doc: 'What to transcode on: cpu, nvidia:0,1, vaapi:PATH, or auto.',
      default: 'auto',
      why: 'auto takes every device that really encodes, and the CPU where there is none.',
      aliases: { nvidia: (ids) => `nvidia:${ids}` },
    },
    drainTime: {
      type: timeSpan({ min: 0, max: 3600 * SECOND_MS }),
      doc: 'How long running segments may take to finish and be posted after SIGTERM.',
      default: 60 * SECOND_MS,
      why: 'Work that is not posted is not paid.',
    },
    receipts: {
      type: path('DIR'),
      doc: 'Where the receipts go that the pool signs for each piece of work: your proof of what it owes you.',
      defaultText: '~/.tributary/receipts',
    },
    logLevel: logLevelSetting,
    withParent: withParentSetting,
  },
  check({ join, orchAddr, credential }) {
    if (join !== undefined && (orchAddr !== undefined || credential !== undefined)) {
      return 'A join string already holds address and credential: leave --orch-addr and --credential out.';
    }
    if (join === undefined && (orchAddr === undefined || credential === undefined)) {
      return 'Give a JOIN_STRING, or --orch-addr together with --credential.';
    }
    return undefined;
  },
  examples: [
    'tributary worker join tributary://…',
    'tributary worker join --orch-addr pool.example:8935 --credential ./secret.txt --device nvidia:0,1',
  ],
});
