import { defineCommand } from '../../base/command.ts';
import { choice, onOff } from '../../base/setting-types.ts';
import { jsonSetting as json, runningPoolSettings as pool } from '../../base/standard-settings.ts';

/** `tributary secrets list`. */
export const listSecretsCommand = defineCommand({
  name: 'secrets list',
  summary: 'List which versions of the secrets behind sessions are valid, and until when.',
  settings: { json, ...pool },
});

/** `tributary secrets rotate`. */
export const rotateSecretCommand = defineCommand({
  name: 'secrets rotate',
  summary: 'Make the tokens of sessions with a new secret, on all nodes; running sessions go on.',
  settings: {
    secret: {
      type: choice(['auth-token']),
      doc: 'What is rotated: the secret that tokens of sessions are made with.',
      required: true,
      positional: 'only',
    },
    atOnce: {
      type: onOff(),
      doc: 'Refuse the tokens there are, because the secret is known to somebody: gateways have to begin new sessions.',
      default: false,
      why: 'Tokens are good for half an hour, so the one before is refused by itself soon.',
    },
    json,
    ...pool,
  },
  examples: [
    'tributary secrets rotate auth-token --data-dir ~/pool',
    'tributary secrets rotate auth-token --at-once --data-dir ~/pool',
  ],
});
