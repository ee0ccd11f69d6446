import { randomBytes } from 'node:crypto';
import { type FileHandle, link, open, readdir, stat, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { hex, parseHex } from '../base/bytes.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { makeFolder } from '../base/folder.ts';
import { addressOf, checksumAddress } from '../protocol/signature.ts';
import {
  type ClosedKey,
  decryptKey,
  encryptKey,
  parseKeystore,
  type ScryptCost,
} from './keystore-format.ts';

/** A key file has about 500 bytes. */
const FILE_BYTES_MAX = 64 * 1024;
/** A directory of ours holds a handful; one with more is not a keystore. */
const FILES_MAX = 1_000;
/** Far more than anybody types, far less than a wrong file. */
const PASSWORD_BYTES_MAX = 4 * 1024;

/** A key in a directory or in a file of its own, still closed. */
export interface KeyFile {
  /** Absolute path. */
  readonly file: string;
  /** 20 bytes; undefined where neither the file nor its name says it. */
  readonly address: Uint8Array | undefined;
}

/** A key that was opened. Zero the key when it is not needed any more. */
export interface OpenKey {
  readonly file: string;
  /** 20 bytes. */
  readonly address: Uint8Array;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/**
 * Finds the one key that is meant: `path` is its file, or a directory, where `address` (20 bytes)
 * chooses among several. Nothing is opened.
 *
 * @throws TributaryError `keystore_missing`, `keystore_ambiguous`, `keystore_invalid`,
 * `keystore_exposed`
 */
export async function findKey(path: string, address?: Uint8Array): Promise<KeyFile> {
  return (await findClosed(path, address)).found;
}

/**
 * Opens the key that {@link findKey} finds; takes about a second at the standard cost.
 *
 * @throws TributaryError as {@link findKey}, and `password_wrong`
 */
export async function openKey(options: {
  readonly path: string;
  readonly address?: Uint8Array | undefined;
  readonly password: string;
}): Promise<OpenKey> {
  const { found, closed } = await findClosed(options.path, options.address);
  const opened = await decryptKey(closed, options.password);
  if (!opened.ok && opened.reason === 'wrong_password') {
    throw new TributaryError('password_wrong', `The password does not open ${found.file}.`);
  }
  const address = opened.ok ? addressOf(opened.key) : undefined;
  if (!opened.ok || !address || !mayBe(options.address, address)) {
    throw new TributaryError('keystore_invalid', `${found.file} holds another key than it says.`);
  }
  return { file: found.file, address, key: opened.key };
}

/**
 * Writes a new key file of mode 0600, named as geth names it, durably and never over another; the
 * directory is made if it is missing.
 *
 * @throws TributaryError `keystore_taken` when the directory has this key already,
 * `keystore_unwritable`
 */
export async function storeKey(options: {
  readonly dir: string;
  readonly key: Uint8Array;
  readonly password: string;
  readonly cost?: ScryptCost;
  readonly clock?: Clock;
}): Promise<KeyFile & { readonly address: Uint8Array }> {
  const dir = resolve(options.dir);
  const address = addressOf(options.key);
  await makeFolder(dir, { mode: 0o700 }).catch((cause) => {
    throw unwritable(dir, cause);
  });
  const twin = (await keysIn(dir)).find((other) => sameAddress(other.found.address, address));
  if (twin) {
    throw new TributaryError(
      'keystore_taken',
      `${checksumAddress(address)} is in ${dir} already: ${twin.found.file}.`,
    );
  }
  const text = await encryptKey(options.key, options.password, {
    ...(options.cost && { cost: options.cost }),
  });
  const file = join(dir, fileName(address, (options.clock ?? systemClock).now()));
  await writeNew(dir, file, text).catch((cause) => {
    throw unwritable(dir, cause);
  });
  return { file, address };
}

/**
 * The password in a file, without the white space around it, as go-livepeer reads it
 * (common/readfromfile.go); may be empty.
 *
 * @throws TributaryError `password_unusable`
 */
export async function readPassword(path: string): Promise<string> {
  const bytes = await readSmall(path, PASSWORD_BYTES_MAX).catch((cause) => {
    const isThere = (cause as NodeJS.ErrnoException).code !== 'ENOENT';
    const text = isThere
      ? `The password file ${path} cannot be read.`
      : `There is no password file ${path}: you make it.`;
    throw new TributaryError('password_unusable', text, { cause });
  });
  if (!bytes) {
    throw new TributaryError('password_unusable', `${path} is no file with a password in it.`);
  }
  return bytes.text.trim();
}

/** Whether anybody but its owner may read a file; false where files have no such modes. */
export async function isExposed(path: string): Promise<boolean> {
  return exposes(await stat(path));
}

function unwritable(dir: string, cause: unknown): TributaryError {
  return new TributaryError('keystore_unwritable', `No key can be written to ${dir}.`, { cause });
}

/** `UTC--2026-01-31T12-00-00.000000000Z--<address>` (go-ethereum accounts/keystore/key.go). */
function fileName(address: Uint8Array, nowMs: number): string {
  const time = new Date(nowMs).toISOString().replaceAll(':', '-').replace('Z', '000000Z');
  return `UTC--${time}--${hex(address)}`;
}

interface FoundKey {
  readonly found: KeyFile;
  readonly closed: ClosedKey;
}

async function findClosed(path: string, address: Uint8Array | undefined): Promise<FoundKey> {
  const at = resolve(path);
  const kind = await stat(at).catch((cause) => {
    throw new TributaryError('keystore_missing', `There is no keystore ${at}.`, { cause });
  });
  return kind.isDirectory() ? chooseKey(at, address) : readKey(at, address);
}

async function chooseKey(dir: string, address: Uint8Array | undefined): Promise<FoundKey> {
  const keys = await keysIn(dir);
  const fitting = address ? keys.filter((key) => sameAddress(key.found.address, address)) : keys;
  const [only, another] = fitting;
  if (!only) {
    const what = address ? `key of ${checksumAddress(address)}` : 'key';
    throw new TributaryError('keystore_missing', `There is no ${what} in ${dir}.`);
  }
  if (another) {
    const lines = fitting.map(({ found }) => `  ${describe(found)}`);
    throw new TributaryError(
      'keystore_ambiguous',
      `${dir} holds several keys:\n${lines.join('\n')}`,
    );
  }
  return readKey(only.found.file, address);
}

function describe({ file, address }: KeyFile): string {
  return address ? `${checksumAddress(address)}  ${file}` : file;
}

async function readKey(file: string, address: Uint8Array | undefined): Promise<FoundKey> {
  const read = await readSmall(file, FILE_BYTES_MAX).catch((cause) => {
    throw new TributaryError('keystore_missing', `The key file ${file} cannot be read.`, { cause });
  });
  if (read?.exposed) {
    throw new TributaryError('keystore_exposed', `${file} can be read by others than its owner.`);
  }
  const parsed = read ? parseKeystore(read.text) : { ok: false as const, problem: 'it is no file' };
  if (!parsed.ok) {
    throw new TributaryError(
      'keystore_invalid',
      `${file} is no keystore that can be opened: ${parsed.problem}.`,
    );
  }
  const key = {
    found: { file, address: namedAddress(file, parsed.closed) },
    closed: parsed.closed,
  };
  if (!mayBe(address, key.found.address)) {
    const wanted = checksumAddress(address as Uint8Array);
    throw new TributaryError('keystore_missing', `${file} is not the key of ${wanted}.`);
  }
  return key;
}

/** Every key file of a directory; what is none is passed over, as geth does. */
async function keysIn(dir: string): Promise<readonly FoundKey[]> {
  const names = (await readdir(dir)).filter((name) => !/^\.|~$/.test(name)).sort();
  if (names.length > FILES_MAX) {
    throw new TributaryError('keystore_missing', `${dir} is no keystore: it has too many files.`);
  }
  const keys: FoundKey[] = [];
  for (const name of names) {
    const file = join(dir, name);
    const read = await readSmall(file, FILE_BYTES_MAX).catch(() => undefined);
    const parsed = read && parseKeystore(read.text);
    if (!parsed?.ok) continue;
    keys.push({
      found: { file, address: namedAddress(file, parsed.closed) },
      closed: parsed.closed,
    });
  }
  return keys;
}

function namedAddress(file: string, closed: ClosedKey): Uint8Array | undefined {
  return closed.address ?? parseHex(/--([0-9a-fA-F]{40})$/.exec(file)?.[1] ?? 'none');
}

function sameAddress(one: Uint8Array | undefined, other: Uint8Array): boolean {
  return one !== undefined && Buffer.compare(one, other) === 0;
}

/** Nothing is known that speaks against the two being the same. */
function mayBe(wanted: Uint8Array | undefined, found: Uint8Array | undefined): boolean {
  return wanted === undefined || found === undefined || sameAddress(wanted, found);
}

/** Undefined when it is no regular file or too large. Mode and content are of the same file. */
async function readSmall(
  path: string,
  bytesMax: number,
): Promise<{ text: string; exposed: boolean } | undefined> {
  await using file: FileHandle = await open(path, 'r');
  const status = await file.stat();
  if (!status.isFile() || status.size > bytesMax) return undefined;
  return { text: await file.readFile('utf8'), exposed: exposes(status) };
}

/** A secret that root mounts for our group has its bits; our own files need none of them. */
function exposes({ mode, uid }: { readonly mode: number; readonly uid: number }): boolean {
  if (process.platform === 'win32') return false;
  return (mode & (uid === process.getuid?.() ? 0o077 : 0o007)) !== 0;
}

/** Under another name first, which nobody takes for a key, so that a crash leaves no half of one. */
async function writeNew(dir: string, file: string, text: string): Promise<void> {
  const draft = join(dir, `.${randomBytes(8).toString('hex')}.tmp`);
  try {
    await using handle = await open(draft, 'wx', 0o600);
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    await unlink(draft).catch(() => {});
    throw error;
  }
  try {
    await link(draft, file);
  } finally {
    await unlink(draft);
  }
  await using directory = await open(dir, 'r');
  await directory.sync();
}
