import type { AnySetting } from '../../base/command.ts';
import {
  listOf,
  onOff,
  path,
  read,
  type SettingType,
  text,
  timeSpan,
  url,
} from '../../base/setting-types.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

const mailAddress: SettingType<string> = {
  schema: read((given) => {
    const address = String(given).trim();
    return /^[^\s@<>,"]{1,64}@[A-Za-z0-9.-]{1,190}$/.test(address) ? address : undefined;
  }),
  placeholder: 'ADDRESS',
  allowed: 'an e-mail address, such as pool@example.org',
};

const publicKey: SettingType<string> = {
  schema: read((given) => (/^[0-9a-fA-F]{64}$/.test(String(given)) ? String(given) : undefined)),
  placeholder: 'HEX',
  allowed: '64 hex digits, as the page of the application shows them',
};

/** What `tributary pool` takes to tell people what happened. */
export const noticesSettings = {
  smtpUrl: {
    type: url(['smtps:', 'smtp:'], 'smtps://…'),
    doc: 'The mail server that notices go out by: smtps://USER:PASSWORD@HOST, or smtp:// with STARTTLS.',
    defaultText: 'no notices by e-mail',
    why: 'A pool that sends mail by itself is taken for spam.',
    secret: true,
  },
  noticesFrom: {
    type: mailAddress,
    doc: 'The address that mails with notices come from; needed with --smtp-url.',
    defaultText: 'no notices by e-mail',
  },
  telegramToken: {
    type: text('TOKEN'),
    doc: 'The token of your Telegram bot; people who talked to it may have notices there.',
    defaultText: 'no notices by Telegram',
    secret: true,
  },
  telegramUrl: {
    type: url(['https:', 'http:'], 'https://…'),
    doc: 'The server of the Telegram bot API.',
    default: 'https://api.telegram.org',
    why: 'It is the public one; a server of your own must be among --notice-private-hosts if it is private.',
  },
  discordPublicKey: {
    type: publicKey,
    doc: 'The public key of your Discord application, whose commands /earnings, /status and /why this pool then answers.',
    defaultText: 'no commands in Discord',
  },
  noticesKeyFile: {
    type: path('FILE'),
    doc: 'The key that keeps where people are told: 64 hex digits, made if it is not there. All nodes of a pool need the same one.',
    defaultText: 'notices.key in the data directory',
    why: 'Whoever has a copy of the database cannot read what is sealed in it. Back it up with the data directory.',
  },
  noticesKeyLost: {
    type: onOff(),
    doc: 'The key is lost for good: remove every channel that it sealed and make another one. People are told on the pages to add theirs again.',
    default: false,
    why: 'A folder that was not mounted must not cost everybody their channels. Without the key the pool works, and sends no notices.',
  },
  noticePrivateHosts: {
    type: listOf(text('HOST:PORT')),
    doc: 'Servers in your own network that notices may go to although their address is private, such as an ntfy of yours.',
    default: [],
    defaultText: 'none',
    why: 'A worker that names any address could otherwise reach into the network of the pool.',
  },
  noticeOfflineAfter: {
    type: timeSpan({ min: SECOND_MS, max: 24 * 60 * MINUTE_MS }),
    doc: 'How long a worker may be away before its owner is told.',
    default: 3 * MINUTE_MS,
    why: 'A worker that restarts or loses its network for a moment is back within half a minute.',
  },
} as const satisfies Readonly<Record<string, AnySetting>>;

/** What is wrong with these settings together; undefined: nothing. */
export function noticesComplaint(values: {
  readonly smtpUrl?: string | undefined;
  readonly noticesFrom?: string | undefined;
}): string | undefined {
  if ((values.smtpUrl === undefined) === (values.noticesFrom === undefined)) return undefined;
  return '--smtp-url and --notices-from go together: give both or neither.';
}
