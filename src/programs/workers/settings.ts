import { defineCommand } from '../../base/command.ts';
import { text } from '../../base/setting-types.ts';
import {
  jsonSetting as json,
  runningPoolSettings as pool,
  workerSetting as worker,
} from '../../base/standard-settings.ts';

/** `tributary workers add`. */
export const addCommand = defineCommand({
  name: 'workers add',
  summary: 'Enrol a worker; its credential is shown once.',
  settings: {
    name: {
      type: { ...text('NAME'), allowed: '1 to 64 letters, digits, dots, dashes or underscores' },
      doc: 'A name for the worker, which only this pool uses.',
      required: true,
      positional: 'only',
    },
    payoutAddress: {
      type: text('0x…'),
      doc: 'The account that the worker is paid at; it can be given later.',
    },
    json,
    ...pool,
  },
  examples: [
    'tributary workers add kiln-2 --data-dir ~/pool',
    'tributary workers add kiln-2 --json | jq -r .join',
  ],
});

/** `tributary workers list`. */
export const listCommand = defineCommand({
  name: 'workers list',
  summary: 'List the workers, what they do and how they do.',
  settings: { json, ...pool },
});

/** `tributary workers show`. */
export const showCommand = defineCommand({
  name: 'workers show',
  summary: 'Show all that is known of one worker.',
  settings: { worker, json, ...pool },
});

/** `tributary workers rotate`. */
export const rotateCommand = defineCommand({
  name: 'workers rotate',
  summary: 'Give a worker a new credential; the one before stays valid until the next rotation.',
  settings: { worker, json, ...pool },
});

/** `tributary workers link`. */
export const linkCommand = defineCommand({
  name: 'workers link',
  summary: 'Print a link that signs a worker in once, within ten minutes.',
  settings: { worker, json, ...pool },
});

const said = (allowed: string) => ({ ...text('VALUE'), allowed });

/** `tributary workers set`. */
export const setCommand = defineCommand({
  name: 'workers set',
  summary: 'Say of a worker what terms ask for: its hardware class, region and promise.',
  settings: {
    worker,
    hardwareClass: {
      type: said('a class as the terms name it, or none'),
      doc: 'The class of its hardware, for multipliers, groups and the calculator.',
      defaultText: 'as it was',
    },
    region: {
      type: said('a region as the terms name it, or none'),
      doc: 'Where it is, for multipliers and groups.',
      defaultText: 'as it was',
    },
    promise: {
      type: said('a share of the time such as 95%, or none'),
      doc: 'For which share of the time it promised to be there.',
      defaultText: 'as it was, or what the terms expect of all workers',
    },
    json,
    ...pool,
  },
  examples: [
    'tributary workers set kiln-2 --hardware-class "RTX 4090" --region eu --promise 95%',
    'tributary workers set kiln-2 --promise none',
  ],
});

/** The commands that change the state of a worker and need nothing but its name. */
export const stateCommands = {
  revoke: defineCommand({
    name: 'workers revoke',
    summary: 'Cut a worker off at once and for good; what it has earned stays.',
    settings: { worker, json, ...pool },
  }),
  pause: defineCommand({
    name: 'workers pause',
    summary: 'Give a worker no new sessions until it is resumed.',
    settings: { worker, json, ...pool },
  }),
  resume: defineCommand({
    name: 'workers resume',
    summary: 'Give a paused worker sessions again.',
    settings: { worker, json, ...pool },
  }),
  drain: defineCommand({
    name: 'workers drain',
    summary: 'Let a worker finish what it has and give it nothing more.',
    settings: { worker, json, ...pool },
  }),
} as const;
