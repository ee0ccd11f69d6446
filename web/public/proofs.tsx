import type { Page } from '../page.ts';
import { Copyable, Hash } from '../parts/copy.tsx';
import { Table } from '../parts/table.tsx';
import { publicFrame } from './frame.ts';
import { loadPool } from './pool.ts';

/** `/proofs`: how can I check that what I am told is true? */
export const proofsPage: Page = {
  path: '/proofs',
  async show({ reader, request }) {
    const loaded = await loadPool(reader);
    const { pool, index, terms } = loaded;
    const last = index?.epochs.at(-1)?.epoch;
    const chain = pool.chain ? ' --rpc https://YOUR-PROVIDER --controller CONTROLLER' : '';
    return {
      frame: publicFrame(loaded, {
        title: 'Proofs',
        description: `How to check what ${pool.name} owes and pays, without believing it.`,
        current: '/proofs',
      }),
      content: (
        <>
          <h1>Check it yourself</h1>
          <p class="lead">
            You need not believe this pool. It signs a receipt for every segment, publishes each
            epoch with everything that it was settled by, and cannot change either later without
            being seen.
          </p>
          <section aria-labelledby="browser">
            <h2 id="browser">In your browser, with one click</h2>
            <p class="prose">
              Open{' '}
              {last === undefined ? (
                'an epoch once one is published'
              ) : (
                <a href={`/epochs/${last}`}>the last epoch</a>
              )}{' '}
              and choose “Check in this browser”. Your browser fetches the published files, checks
              the signatures, applies the terms again, and recomputes every hash up to the root. The
              checking program comes from this pool, too: if that is not enough for you, use one of
              the ways below.
            </p>
          </section>
          <section aria-labelledby="worker">
            <h2 id="worker">As a worker, with your receipts and the chain</h2>
            <p class="prose">
              Your worker keeps a signed receipt for each segment that it did. This compares them
              with what was published, and the payments with the chain:
            </p>
            <Copyable
              label="Command that checks the pay of a worker"
              text={`tributary verify --pool ${request.origin} --worker YOUR-WORKER --receipts FOLDER${chain}`}
            />
          </section>
          <section aria-labelledby="other">
            <h2 id="other">With a program that is not ours</h2>
            <p class="prose">
              A second verifier, in Python with nothing but its standard library, ships with the
              source. The formats are described in{' '}
              <a href="/docs/explanations/proofs">how the proofs work</a>.
            </p>
          </section>
          <section aria-labelledby="keys">
            <h2 id="keys">The keys of this pool</h2>
            <p class="prose">
              {pool.chain ? (
                <>
                  The account <Hash value={pool.chain.account} label="Account of the pool" /> on
                  chain {pool.chain.id} signs the keys below, and they sign receipts and epochs.
                </>
              ) : (
                'This pool works off chain: its keys are all that says who it is. Note them when you join.'
              )}
            </p>
            <Table
              caption="Keys that sign receipts and epochs"
              rows={index?.keys ?? []}
              keyOf={({ key }) => key}
              empty="They are published with the first epoch."
              columns={[
                { title: 'Version', cell: ({ version }) => String(version) },
                { title: 'Ed25519 key', cell: ({ key }) => <Hash value={key} label="Key" /> },
                {
                  title: 'Signed by the account',
                  cell: ({ endorsement }) =>
                    endorsement === undefined ? (
                      'off chain, not signed'
                    ) : (
                      <Hash value={endorsement} label="Signature of the account" />
                    ),
                },
              ]}
            />
          </section>
          <section aria-labelledby="files">
            <h2 id="files">The files</h2>
            <Table
              caption="What is published"
              rows={filesOf(terms.privacy, last)}
              keyOf={({ path }) => path}
              empty=""
              columns={[
                {
                  title: 'File',
                  cell: ({ path, isThere }) =>
                    isThere ? <a href={`/proofs/${path}`}>{path}</a> : <code>{path}</code>,
                },
                { title: 'What is in it', cell: ({ text }) => text },
              ]}
            />
          </section>
        </>
      ),
    };
  },
};

function filesOf(privacy: 'public' | 'private', last: bigint | undefined) {
  const at = last === undefined ? 'N' : String(last);
  const isThere = last !== undefined;
  const shared = [
    { path: 'index.json', text: 'who the pool is, its keys, the digest of each epoch', isThere },
    { path: `epoch-${at}/epoch.json`, text: 'the signed record of an epoch', isThere },
    {
      path: `epoch-${at}/history.json`,
      text: 'that the history of receipts goes on from the epoch before',
      isThere,
    },
    { path: `epoch-${at}/payouts.json`, text: 'what was paid since', isThere },
  ];
  const open = [
    { path: `epoch-${at}/input.json`, text: 'what it was settled by', isThere },
    { path: `epoch-${at}/leaves.json`, text: 'the line of each worker', isThere },
  ];
  return privacy === 'public' ? [...shared, ...open] : shared;
}
