import { createHash, createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { watch } from 'node:fs';
import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { type Clock, systemClock, type Timer } from '../base/clock.ts';
import { messageOf, TributaryError } from '../base/errors.ts';
import { makeFolder } from '../base/folder.ts';
import type { Log } from '../base/log.ts';
import { selfSigned } from './self-signed.ts';

/**
 * Workers pin the certificate itself, and nobody on this wire checks its dates (wire: stock peers
 * skip verification), so it outlives every installation: 20 years. When it does expire, it is
 * renewed at the next start with the same key; join strings printed before then hold an old pin
 * and have to be printed anew.
 */
const VALID_MS = 20 * 365 * 24 * 3_600_000;
/** Clocks of peers that lag behind ours. */
const BACKDATED_MS = 24 * 3_600_000;
/** Operator files are looked at this often, for file systems that report no changes. */
const POLL_MS = 30_000;
/** After a change: certificate and key are two files, and replaced one after the other. */
const SETTLE_MS = 300;

/** A certificate chain with its key, in PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** What a listener shows to its peers. */
export interface Certificate {
  current(): KeyPair;
  /** base64url SHA-256 of the DER of the (first) certificate: what a join string carries. */
  readonly pin: string;
  /** Calls back after each replacement; returns how to stop that. */
  onChange(run: () => void): () => void;
  /** Reads the files again. False, with a warning in the log, when they are no good. */
  reload(): Promise<boolean>;
  /** Ends the following of files. */
  close(): void;
}

/** The operator's certificate if its files are named, else our own, kept in the data directory. */
export async function keptCertificate(options: {
  dataDir: string;
  host: string;
  certFile?: string;
  keyFile?: string;
  log: Log;
  clock?: Clock;
}): Promise<Certificate> {
  const { certFile, keyFile } = options;
  if (certFile === undefined && keyFile === undefined) return ownCertificate(options);
  if (certFile === undefined || keyFile === undefined) {
    throw unusable('a certificate needs its key, and a key its certificate');
  }
  return operatorCertificate({ ...options, certFile, keyFile });
}

/**
 * Our own certificate: `cert.pem` and `key.pem` (mode 0600) in the data directory, made at the
 * first start and kept from then on, whatever the host is called later. Throws
 * `certificate_unusable` when the two exist but do not fit: replacing them silently would lock
 * out every worker that pinned them.
 */
export async function ownCertificate(options: {
  dataDir: string;
  host: string;
  log: Log;
  clock?: Clock;
}): Promise<Certificate> {
  const { dataDir, host, log } = options;
  const now = (options.clock ?? systemClock).now();
  await makeFolder(dataDir);
  const certFile = join(dataDir, 'cert.pem');
  const keyFile = join(dataDir, 'key.pem');

  let key = await readIfThere(keyFile);
  let cert = await readIfThere(certFile);
  if (key === undefined) {
    if (cert !== undefined) log.warn('certificate_key_lost');
    cert = undefined;
    const made = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    key = made.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    await replaceFile(keyFile, key, 0o600);
  } else {
    await chmod(keyFile, 0o600);
  }
  if (cert !== undefined && parseCertificate(cert).validToDate.getTime() <= now) {
    log.warn('certificate_expired');
    cert = undefined;
  }
  if (cert === undefined) {
    cert = selfSigned({
      key: parseKey(key),
      host,
      notBefore: new Date(now - BACKDATED_MS),
      notAfter: new Date(now + VALID_MS),
    });
    await replaceFile(certFile, cert, 0o644);
    log.info('certificate_made');
  }
  return holdCertificate(checkPair({ cert, key }), async () => false).certificate;
}

/**
 * The operator's certificate files, followed: what replaces them is used for new connections
 * without a restart, and what is no good is refused with a warning. Throws `certificate_unusable`
 * when they are no good at the start.
 */
export async function operatorCertificate(options: {
  certFile: string;
  keyFile: string;
  log: Log;
  clock?: Clock;
}): Promise<Certificate> {
  const { certFile, keyFile, log } = options;
  const clock = options.clock ?? systemClock;
  const read = async () =>
    checkPair({ cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') });

  let refused = '';
  const first = await read().catch((cause) => {
    throw unusable('the certificate or its key cannot be used', cause);
  });
  const held = holdCertificate(first, async () => {
    try {
      const next = await read();
      refused = '';
      if (held.replace(next)) log.info('certificate_replaced');
      return true;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
      // Once for each kind of trouble, not at every poll.
      if (refused !== code) log.warn('certificate_refused', { code });
      refused = code;
      return false;
    }
  });
  const { certificate } = held;
  const stop = followFiles([certFile, keyFile], clock, certificate.reload);
  return {
    ...certificate,
    get pin() {
      return certificate.pin;
    },
    close: stop,
  };
}

function holdCertificate(first: KeyPair, reload: () => Promise<boolean>) {
  let pair = first;
  let pin = pinOfPem(first.cert);
  const followers = new Set<() => void>();
  const certificate: Certificate = {
    current: () => pair,
    get pin() {
      return pin;
    },
    onChange(run) {
      followers.add(run);
      return () => followers.delete(run);
    },
    reload,
    close() {},
  };
  return {
    certificate,
    /** False when it is the one held already. */
    replace(next: KeyPair): boolean {
      if (next.cert === pair.cert && next.key === pair.key) return false;
      pair = next;
      pin = pinOfPem(next.cert);
      for (const run of followers) run();
      return true;
    },
  };
}

/** Reloads some time after a change of the files was seen, and now and then anyway. */
function followFiles(
  files: readonly string[],
  clock: Clock,
  reload: () => Promise<unknown>,
): () => void {
  let stopped = false;
  let settling: Timer | undefined;
  let polling: Timer | undefined;
  const poll = () => {
    polling = clock.after(POLL_MS, () => {
      void reload().then(() => {
        if (!stopped) poll();
      });
    });
  };
  poll();

  // Folders, because a file is usually replaced by renaming another one over it.
  const folders = new Set(files.map((file) => dirname(file)));
  const names = new Set(files.map((file) => basename(file)));
  const watchers = [...folders].flatMap((folder) => {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        // Kubernetes swaps a link beside them (`..data`), so an unknown name may be it.
        if (name !== null && !names.has(name) && !name.startsWith('..')) return;
        settling?.cancel();
        settling = clock.after(SETTLE_MS, () => void reload());
      });
      watcher.on('error', () => watcher.close());
      return [watcher];
    } catch {
      return []; // the poll does it
    }
  });
  return () => {
    stopped = true;
    settling?.cancel();
    polling?.cancel();
    for (const watcher of watchers) watcher.close();
  };
}

/** Throws `certificate_unusable` unless key and certificate belong together. */
function checkPair(pair: KeyPair): KeyPair {
  const key = parseKey(pair.key);
  if (!parseCertificate(pair.cert).checkPrivateKey(key)) {
    throw unusable('the key is not the one of the certificate');
  }
  try {
    createSecureContext(pair);
  } catch (cause) {
    throw unusable('TLS refuses the certificate', cause);
  }
  return pair;
}

function parseCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw unusable('the certificate is not PEM', cause);
  }
}

function parseKey(pem: string) {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw unusable('the key is not PEM', cause);
  }
}

function pinOfPem(pem: string): string {
  return createHash('sha256').update(parseCertificate(pem).raw).digest('base64url');
}

function unusable(text: string, cause?: unknown): TributaryError {
  const reason = cause === undefined ? text : `${text}: ${messageOf(cause)}`;
  return new TributaryError('certificate_unusable', reason, { cause });
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable('a file of the data directory cannot be read', error);
  }
}

/** Whole or not at all, with its mode from the first moment. */
async function replaceFile(file: string, text: string, mode: number): Promise<void> {
  const fresh = `${file}.new`;
  await writeFile(fresh, text, { mode, flush: true });
  await chmod(fresh, mode);
  await rename(fresh, file);
}
