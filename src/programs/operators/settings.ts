import { defineCommand } from '../../base/command.ts';
import { choice, text } from '../../base/setting-types.ts';
import { jsonSetting as json, runningPoolSettings as pool } from '../../base/standard-settings.ts';

const name = {
  type: { ...text('NAME'), allowed: '1 to 64 letters, digits, dots, dashes or underscores' },
  doc: 'The name of the operator, which only this pool uses.',
  required: true,
  positional: 'only',
} as const;

/** `tributary operators add`. */
export const addOperatorCommand = defineCommand({
  name: 'operators add',
  summary: 'Let somebody run the pool in a role, and print a link to sign in with.',
  settings: {
    name,
    role: {
      type: choice(['viewer', 'support', 'finance', 'owner']),
      doc: 'What it may do: look; help workers, too; pay, too; or everything.',
      default: 'viewer',
      why: 'Who needs more will ask.',
    },
    wallet: {
      type: text('0x…'),
      doc: 'A wallet to sign in with; without one there are links.',
    },
    json,
    ...pool,
  },
  examples: ['tributary operators add mira --role finance'],
});

/** `tributary operators list`. */
export const listOperatorsCommand = defineCommand({
  name: 'operators list',
  summary: 'List who runs the pool.',
  settings: { json, ...pool },
});

/** `tributary operators remove`. */
export const removeOperatorCommand = defineCommand({
  name: 'operators remove',
  summary: 'Remove an operator; it is signed out at once.',
  settings: { name, ...pool },
});

/** `tributary operators link`. */
export const linkOperatorCommand = defineCommand({
  name: 'operators link',
  summary: 'Print a link that signs an operator in once, within ten minutes.',
  settings: { name, json, ...pool },
});
