import { toHex } from './bytes.ts';
import { canonicalJson } from './canonical.ts';
import {
  headFault,
  historyFault,
  leafFault,
  leavesFault,
  type PoolRules,
  pathFault,
} from './check-epoch.ts';
import type { TestPool } from './epoch.test-kit.ts';
import { headDigest, identityOf } from './epoch-proofs.ts';
import {
  type EpochHead,
  type FileLeaf,
  type Parsed,
  parseHistory,
  parseIndex,
  parseLeaves,
  parsePath,
  parseSignedEpoch,
  writeFile,
} from './files.ts';
import { nodeHashing as hashing } from './node-hashing.ts';
import { nodeVerifyEd25519 } from './node-signatures.ts';
import { plain } from './read-json.ts';

/** Every published file of a pool, by its path. */
export function filesOf({ index, epochs }: TestPool): Map<string, string> {
  const files = new Map([['index.json', writeFile(index)]]);
  for (const [at, epoch] of epochs.entries()) {
    const put = (name: string, text: string) => files.set(`epoch-${at + 1}/${name}`, text);
    put('epoch.json', writeFile(epoch.signed));
    put('history.json', writeFile(epoch.history));
    if (epoch.signed.head.privacy === 'public') {
      put('input.json', canonicalJson(plain(epoch.input)));
      put('leaves.json', writeFile(epoch.leaves));
    } else {
      for (const path of epoch.paths) put(`paths/${path.leaf.worker}.json`, writeFile(path));
    }
  }
  return files;
}

/** The first thing that is wrong with the files of a pool; undefined: nothing. */
export function poolFault(pool: TestPool): string | undefined {
  return filesFault(filesOf(pool));
}

/** The same of files that may hold anything. */
export function filesFault(files: ReadonlyMap<string, string>): string | undefined {
  const parsed = parseIndex(files.get('index.json') ?? '');
  if (!parsed.ok) return `index.json: ${parsed.text}`;
  const { file: index } = parsed;
  const rules: PoolRules = {
    identity: identityOf(index),
    keys: new Set(index.keys.map(({ key }) => key)),
    hashing,
    verifyEd25519: nodeVerifyEd25519,
  };
  const last = new Map<string, FileLeaf>();
  let before: EpochHead | undefined;
  for (const [at, { digest }] of index.epochs.entries()) {
    const folder = `epoch-${at + 1}/`;
    try {
      const { head, leaves } = checkedEpoch(files, folder, { before, digest, rules });
      for (const leaf of leaves) {
        const fault = leafFault(leaf, last.get(leaf.worker));
        if (fault) throw new RangeError(fault);
        const amounts = { ...last.get(leaf.worker)?.amounts, ...leaf.amounts };
        last.set(leaf.worker, { ...leaf, amounts });
      }
      before = head;
    } catch (error) {
      if (error instanceof RangeError) return `epoch ${at + 1}: ${error.message}`;
      throw error;
    }
  }
  return undefined;
}

/** Throws RangeError with what is wrong. */
function checkedEpoch(
  files: ReadonlyMap<string, string>,
  folder: string,
  against: {
    readonly before: EpochHead | undefined;
    readonly digest: string;
    readonly rules: PoolRules;
  },
): { readonly head: EpochHead; readonly leaves: readonly FileLeaf[] } {
  const { before, digest, rules } = against;
  const text = (name: string) => files.get(`${folder}${name}`) ?? '';
  const ensure = (fault: string | undefined) => {
    if (fault) throw new RangeError(fault);
  };
  const signed = mustParse(parseSignedEpoch(text('epoch.json')));
  const { head } = signed;
  ensure(headFault(signed, before, rules));
  ensure(digest === headDigest(head, hashing) ? undefined : 'the index names another head');
  ensure(
    historyFault(head, before, { file: mustParse(parseHistory(text('history.json'))), hashing }),
  );
  if (head.privacy === 'private') {
    const names = [...files.keys()].filter((name) => name.startsWith(`${folder}paths/`));
    const paths = names.sort().map((name) => mustParse(parsePath(files.get(name) ?? '')));
    for (const path of paths) ensure(pathFault(head, path, hashing));
    return { head, leaves: paths.map(({ leaf }) => leaf) };
  }
  const input = hashing.sha256(new TextEncoder().encode(text('input.json')));
  ensure(toHex(input) === head.input ? undefined : 'the input is not the one that the head names');
  const file = mustParse(parseLeaves(text('leaves.json')));
  ensure(leavesFault(head, file, hashing));
  return { head, leaves: file.leaves };
}

function mustParse<T>(parsed: Parsed<T>): T {
  if (parsed.ok) return parsed.file;
  throw new RangeError(parsed.text);
}
