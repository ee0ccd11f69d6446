import { parentPort } from 'node:worker_threads';
import { keccak256 } from '../base/keccak.ts';
import { openVerifyChain } from '../epochs/verify-rpc.ts';
import type { PublishedFiles } from '../epochs/verify-types.ts';
import { nodeHashing } from '../proofs/node-hashing.ts';
import { nodeVerifyEd25519 } from '../proofs/node-signatures.ts';
import { recover } from '../protocol/signature.ts';
import { failureText, openOutside } from './fetch.ts';
import { checkProofs } from './proofs.ts';
import type { ProofsOutcome, ProofsTask } from './proofs-look.ts';

/** An epoch of 20,000 workers has an input of some 20 MB. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;
const LOOK_BYTES_MAX = 512 * 1024 * 1024;
const FILE_MS = 60_000;

/** What is published could not be read: nobody's fraud. */
class NotRead extends Error {
  override readonly name = 'NotRead';
  readonly fault: string;
  constructor(fault: string, text: string) {
    super(text);
    this.fault = fault;
  }
}

function filesAt({ proofsUrl, allowPrivate }: ProofsTask): PublishedFiles {
  const outside = openOutside(allowPrivate);
  let left = LOOK_BYTES_MAX;
  return {
    async read(path) {
      const bytesMax = Math.min(FILE_BYTES_MAX, left);
      const limits = { bytesMax, ms: FILE_MS };
      const fetched = await outside.text(new URL(path, proofsUrl), limits);
      if (fetched.ok) {
        left -= fetched.bytes;
        return fetched.text;
      }
      const { failure } = fetched;
      if (failure.reason === 'status' && failure.status === 404) return undefined;
      throw new NotRead(failure.reason, `${path}: ${failureText(failure)}`);
    },
  };
}

async function look(task: ProofsTask): Promise<ProofsOutcome> {
  const { rpc, controller, before, check } = task;
  try {
    const state = await checkProofs(before, check, {
      files: filesAt(task),
      chain: rpc === undefined ? undefined : await openVerifyChain(rpc, controller),
      hashing: nodeHashing,
      verifyEd25519: nodeVerifyEd25519,
      keccak256,
      recover,
    });
    return { ok: true, state };
  } catch (error) {
    if (error instanceof NotRead) return { ok: false, fault: error.fault, text: error.message };
    const code = (error as { readonly code?: unknown }).code;
    if (code === 'rpc_unavailable') {
      return { ok: false, fault: code, text: 'the node of this directory did not answer' };
    }
    // Whatever else a stranger's files can do to the rule is no check that held.
    return {
      ok: false,
      fault: 'not_checked',
      text: 'they are such that the rule cannot be applied',
    };
  }
}

parentPort?.on('message', (task: ProofsTask) => {
  void look(task).then((outcome) => parentPort?.postMessage(outcome));
});
