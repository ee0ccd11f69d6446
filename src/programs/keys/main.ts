import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parseHex } from '../../base/bytes.ts';
import { TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { exitCode, type Io } from '../../base/terminal.ts';
import {
  findKey,
  isExposed,
  type KeyFile,
  openKey,
  readPassword,
  storeKey,
} from '../../chain/keystore.ts';
import { decryptKey, parseKeystore, type ScryptCost } from '../../chain/keystore-format.ts';
import { addressOf, checksumAddress, parseAddress } from '../../protocol/signature.ts';
import { importCommand, newCommand, showCommand } from './settings.ts';

/** A key file has about 500 bytes. */
const INPUT_BYTES_MAX = 64 * 1024;

/** What tests replace. */
export interface KeysParts {
  readonly stdin: AsyncIterable<Uint8Array | string> & { readonly isTTY?: boolean };
  readonly cost?: ScryptCost;
}

/** `tributary keys new | import | show`: needs no running pool and no chain. */
export async function run(
  args: readonly string[],
  io: Io,
  parts: KeysParts = { stdin: process.stdin },
): Promise<number> {
  const [verb = '', ...rest] = args;
  switch (verb) {
    case 'new':
      return makeKey(rest, io, parts);
    case 'import':
      return importKey(rest, io, parts);
    case 'show':
      return showKey(rest, io);
    default:
      throw new TributaryError('command_unknown', `"keys ${verb}" is not a command.`);
  }
}

async function makeKey(args: readonly string[], io: Io, parts: KeysParts): Promise<number> {
  const settings = readSettings(newCommand, args, io);
  if (!settings) return exitCode.ok;
  const { keystore, passwordFile, json } = settings.values;
  const password = await newPassword(passwordFile, io);
  const key = randomKey();
  try {
    const made = await storeKey({ dir: keystore, key, password, ...costOf(parts) });
    print(io, made, json, 'A new account. Keep a copy of its key file and of the password.');
  } finally {
    key.fill(0);
  }
  return exitCode.ok;
}

async function importKey(args: readonly string[], io: Io, parts: KeysParts): Promise<number> {
  const settings = readSettings(importCommand, args, io);
  if (!settings) return exitCode.ok;
  const { from, keystore, passwordFile, fromPasswordFile, json } = settings.values;
  const password = await newPassword(passwordFile, io);
  const text = await readInput(from, io, parts);
  const key = await keyIn(text, fromPasswordFile ? await readPassword(fromPasswordFile) : password);
  try {
    const made = await storeKey({ dir: keystore, key, password, ...costOf(parts) });
    print(io, made, json, 'The account is imported. What it was imported from is still there.');
  } finally {
    key.fill(0);
  }
  return exitCode.ok;
}

async function showKey(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(showCommand, args, io);
  if (!settings) return exitCode.ok;
  const { keystore, passwordFile, json } = settings.values;
  const address = wantedAddress(settings.values.address);
  if (passwordFile === undefined) {
    print(io, await findKey(keystore, address), json, 'Its password was not tried.');
    return exitCode.ok;
  }
  const password = await readPassword(passwordFile);
  const opened = await openKey({ path: keystore, address, password });
  opened.key.fill(0);
  print(io, opened, json, 'The password opens it.');
  return exitCode.ok;
}

function wantedAddress(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined;
  const address = parseAddress(text);
  if (address) return address;
  throw new TributaryError(
    'setting_invalid',
    '--address must be 0x and 40 hex digits, with a correct checksum if in mixed case.',
  );
}

function print(io: Io, { address, file }: KeyFile, json: boolean, remark: string): void {
  if (!address) {
    throw new TributaryError(
      'keystore_invalid',
      `${file} does not say its address; with --password-file it is opened.`,
    );
  }
  const text = checksumAddress(address);
  if (json) io.stdout.write(`${JSON.stringify({ address: text, file })}\n`);
  else io.stdout.write(`address  ${text}\nfile     ${file}\n${remark}\n`);
}

/** The password of a file that is about to be written: a key without one is a key for everybody. */
async function newPassword(path: string, io: Io): Promise<string> {
  const password = await readPassword(path);
  if (password === '') throw new TributaryError('password_unusable', `${path} is empty.`);
  await warnIfExposed(path, 'password', io);
  return password;
}

async function warnIfExposed(path: string, what: string, io: Io): Promise<void> {
  if (!(await isExposed(path))) return;
  io.stderr.write(`Others can read the ${what} in ${path}; run chmod 600 on it.\n`);
}

async function readInput(from: string, io: Io, { stdin }: KeysParts): Promise<string> {
  if (from === '-') {
    if (stdin.isTTY) {
      throw new TributaryError(
        'input_missing',
        'Pipe the private key in, or name its file: what is typed here would stay on the screen.',
      );
    }
    return readPiped(stdin);
  }
  const bytes = await readFile(from).catch((cause) => {
    throw new TributaryError('input_missing', `The file ${from} cannot be read.`, { cause });
  });
  if (bytes.length > INPUT_BYTES_MAX) throw noKey('it is too large');
  await warnIfExposed(from, 'key', io);
  return bytes.toString('utf8');
}

async function readPiped(stdin: KeysParts['stdin']): Promise<string> {
  let text = '';
  for await (const chunk of stdin) {
    text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1');
    if (text.length > INPUT_BYTES_MAX) throw noKey('it is too large');
  }
  return text;
}

/** The private key in a text that is either one in hex or a key file. */
async function keyIn(text: string, password: string): Promise<Uint8Array> {
  if (!text.trimStart().startsWith('{')) {
    const key = parseHex(text.trim());
    if (key?.length === 32 && isPrivateKey(key)) return key;
    throw noKey('it is not 64 hex digits of a private key');
  }
  const parsed = parseKeystore(text);
  if (!parsed.ok) throw noKey(parsed.problem);
  const opened = await decryptKey(parsed.closed, password);
  if (opened.ok) return opened.key;
  if (opened.reason === 'wrong_key') throw noKey('it holds another key than it says');
  throw new TributaryError(
    'password_wrong',
    'The password does not open the key file; --from-password-file may name another one.',
  );
}

function noKey(why: string): TributaryError {
  return new TributaryError('private_key_invalid', `What is to be imported is no key: ${why}.`);
}

/** All but about one in 2^128 of the numbers of 32 bytes are private keys. */
function randomKey(): Uint8Array {
  for (;;) {
    const key = randomBytes(32);
    if (isPrivateKey(key)) return key;
  }
}

function isPrivateKey(key: Uint8Array): boolean {
  try {
    addressOf(key);
    return true;
  } catch {
    return false;
  }
}

function costOf({ cost }: KeysParts): { cost?: ScryptCost } {
  return cost ? { cost } : {};
}
