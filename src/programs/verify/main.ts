import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openPublished, publishedPlace } from '../../api/published-files.ts';
import { messageOf, TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { keccak256 } from '../../base/keccak.ts';
import { makeOutputFolder } from '../../base/output-folder.ts';
import { createPaint, exitCode, type Io } from '../../base/terminal.ts';
import { verifyPool } from '../../epochs/verify.ts';
import { openVerifyChain } from '../../epochs/verify-rpc.ts';
import { nodeHashing } from '../../proofs/node-hashing.ts';
import { nodeVerifyEd25519 } from '../../proofs/node-signatures.ts';
import type { SignedReceipt } from '../../proofs/receipt.ts';
import { readReceiptsFile } from '../../proofs/receipts-file.ts';
import { recover } from '../../protocol/signature.ts';
import { keepIn } from './keep.ts';
import { verifyCommand } from './settings.ts';
import { verdictJson, verdictView } from './views.ts';

/** `tributary verify`: 0 when everything holds, 1 with the first thing that does not. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(verifyCommand, args, io);
  if (!settings) return exitCode.ok;
  const { pool, worker, rpc, controller, receipts, keep, json } = settings.values;
  await mustBeThere(pool);
  const published = openPublished(await publishedPlace(pool));
  if (keep !== undefined) await makeOutputFolder(keep);
  const kept = keep === undefined ? undefined : keepIn(published, keep);
  const files = kept?.files ?? published;
  if (rpc === undefined && (await isOnChain(files))) {
    throw new TributaryError('setting_missing', 'This pool pays on a chain: give --rpc, too.');
  }
  const verdict = await verifyPool(
    {
      ...{ worker, kept: kept?.first },
      receipts: receipts === undefined ? undefined : await readReceipts(receipts),
    },
    {
      files,
      chain: rpc === undefined ? undefined : await openVerifyChain(rpc, controller),
      hashing: nodeHashing,
      verifyEd25519: nodeVerifyEd25519,
      keccak256,
      recover,
    },
  );
  io.stdout.write(`${json ? verdictJson(verdict) : verdictView(verdict, createPaint(io))}\n`);
  return verdict.ok ? exitCode.ok : exitCode.failed;
}

/** A folder that is mistyped says nothing of a pool. */
async function mustBeThere(pool: string): Promise<void> {
  if (/^https?:/.test(pool)) return;
  if ((await stat(pool).catch(() => undefined))?.isDirectory()) return;
  throw new TributaryError('input_missing', `${pool} is neither a URL nor a folder.`);
}

async function isOnChain(files: ReturnType<typeof openPublished>): Promise<boolean> {
  const text = await files.read('index.json');
  return text !== undefined && !/"chainId":"0"/.test(text);
}

/** Everything that a worker kept, whatever the files are called. */
async function readReceipts(dir: string): Promise<readonly SignedReceipt[]> {
  try {
    const entries = await readdir(dir, { recursive: true, withFileTypes: true });
    const paths = entries
      .filter((entry) => entry.isFile() && entry.name.endsWith('.receipts'))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
    if (paths.length === 0) {
      throw new TributaryError('input_missing', `${dir} holds no receipts (*.receipts).`);
    }
    const all: SignedReceipt[] = [];
    for (const path of paths) {
      const read = readReceiptsFile(await readFile(path));
      if (!read.ok) throw new TributaryError('input_missing', `${path}: ${read.text}.`);
      for (const receipt of read.receipts) all.push(receipt);
    }
    return all;
  } catch (cause) {
    if (cause instanceof TributaryError) throw cause;
    throw new TributaryError('input_missing', `${dir} cannot be read (${messageOf(cause)}).`, {
      cause,
    });
  }
}
