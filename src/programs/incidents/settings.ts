import { defineCommand } from '../../base/command.ts';
import { integer, onOff, read, type SettingType, text } from '../../base/setting-types.ts';
import { jsonSetting as json, runningPoolSettings as pool } from '../../base/standard-settings.ts';

/** A moment with its zone: without one it would be another moment on another machine. */
const moment: SettingType<string> = {
  schema: read((given) => {
    const written = String(given).trim();
    const hasZone = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(
      written,
    );
    const at = hasZone ? Date.parse(written) : Number.NaN;
    return Number.isNaN(at) ? undefined : new Date(at).toISOString();
  }),
  placeholder: 'TIME',
  allowed: 'a moment with its zone, such as 2026-12-24T18:00Z or 2026-12-24T19:00+01:00',
};

const incident = {
  type: { ...text('NUMBER'), allowed: 'the number of an incident' },
  doc: 'The number, as `tributary incidents list` shows it.',
  required: true,
  positional: 'only',
} as const;
const title = {
  type: text('TITLE'),
  doc: 'What happens, in a sentence of up to 200 characters.',
  required: true,
  positional: 'only',
} as const;
const said = {
  type: text('TEXT'),
  doc: 'Who is affected, and whether they must do anything.',
} as const;

/** The commands below `tributary incidents`, by their word. */
export const incidentsCommands = {
  list: defineCommand({
    name: 'incidents list',
    summary: 'List what went wrong and what is planned, the last first.',
    settings: {
      open: {
        type: onOff(),
        doc: 'Only what is not over.',
        default: false,
        why: 'What is over says how the pool does.',
      },
      newest: {
        type: integer({ min: 1, max: 200 }),
        doc: 'How many are looked at.',
        default: 20,
        why: 'That fits a screen.',
      },
      json,
      ...pool,
    },
  }),
  open: defineCommand({
    name: 'incidents open',
    summary: 'Tell everybody that something is wrong with the pool.',
    settings: {
      title,
      text: said,
      startsAt: { type: moment, doc: 'Since when.', defaultText: 'now' },
      json,
      ...pool,
    },
    examples: [
      'tributary incidents open "Segments are slow" --text "Nothing needs to be done." --data-dir ~/pool',
    ],
  }),
  plan: defineCommand({
    name: 'incidents plan',
    summary: 'Announce work on the pool; what is announced before it begins counts as planned.',
    settings: {
      title,
      text: said,
      startsAt: { type: moment, doc: 'When it begins.', required: true },
      endsAt: { type: moment, doc: 'When it ends, a week after that at most.', required: true },
      json,
      ...pool,
    },
    examples: [
      'tributary incidents plan "New disks" --starts-at 2026-12-24T18:00Z --ends-at 2026-12-24T19:00Z --data-dir ~/pool',
    ],
  }),
  update: defineCommand({
    name: 'incidents update',
    summary: 'Say more of an incident, or of work that is planned.',
    settings: { incident, text: { ...said, required: true }, json, ...pool },
  }),
  close: defineCommand({
    name: 'incidents close',
    summary: 'Say that an incident is over, or that planned work has ended or will not take place.',
    settings: {
      incident,
      text: { type: text('TEXT'), doc: 'What it was, and what was done.' },
      json,
      ...pool,
    },
    examples: ['tributary incidents close 12 --text "A disk was full." --data-dir ~/pool'],
  }),
} as const;
