import type { PoolView } from '../../src/api/pool-view.ts';
import type { Page } from '../page.ts';
import { Copyable } from '../parts/copy.tsx';
import { Facts } from '../parts/figures.tsx';
import { Notice } from '../parts/state.tsx';
import { publicFrame } from './frame.ts';
import { promiseOf } from './home.tsx';
import { loadPool } from './pool.ts';

/** Where a join string comes from; said plainly, too, where nobody gives one. */
function Operator({ of: { name, contact, outsideGpus } }: { readonly of: PoolView['operator'] }) {
  const who = name === null ? 'the operator of this pool' : `${name}, who runs this pool,`;
  if (!outsideGpus) return <>This pool takes no machines of others at present.</>;
  return contact === null ? (
    <>
      Ask {who} for one. This pool publishes no address to write to: ask where you heard of it, and
      be careful with whoever answers.
    </>
  ) : (
    <>
      Ask {who} for one, at <strong>{contact}</strong>.
    </>
  );
}

/** `/join`: how do I bring my GPU? */
export const joinPage: Page = {
  path: '/join',
  async show({ reader }) {
    const loaded = await loadPool(reader);
    const { pool, terms } = loaded;
    const address = pool.serviceUri.replace(/^https?:\/\//, '');
    return {
      frame: publicFrame(loaded, {
        title: 'Join',
        description: `How to bring a GPU to ${pool.name}.`,
        current: '/join',
      }),
      content: (
        <>
          <h1>Join with a GPU</h1>
          <p class="lead">
            {promiseOf(terms)} You need no stake and no account on any chain, only an address to be
            paid at.
          </p>
          <Notice
            tone="attention"
            title="No honest pool ever asks for a private key, seed phrase or keystore."
          >
            A worker needs none of them. Whoever asks for one is not this pool.
          </Notice>
          <section aria-labelledby="ask">
            <h2 id="ask">1. Get a join string</h2>
            <p class="prose">
              <Operator of={pool.operator} /> Say which address you want to be paid at. A join
              string is for one machine: it holds the address of the pool, a pin of its certificate
              and your credential. Keep it to yourself; it can be replaced at any time without a
              pause.
            </p>
          </section>
          <section aria-labelledby="ours">
            <h2 id="ours">2. Install and start the worker</h2>
            <p class="prose">
              npm of Node 20 or later installs the package of Tributary. It brings everything that
              the worker needs, FFmpeg and on Linux its own Node included, and no install script has
              to run:
            </p>
            <Copyable
              label="Command that installs the program"
              text={`npm install --global --ignore-scripts ./tributary-${pool.version}.tgz`}
            />
            <p class="prose">
              Then start it. It measures what your machine can do, takes that much work, and keeps
              your receipts.
            </p>
            <Copyable
              label="Command that joins the pool"
              text="tributary worker join 'tributary://…'"
            />
            <p class="prose">
              In a copy of Tributary’s source, <code>npm ci &amp;&amp; npm pack</code> makes that
              package. Or run the source: after <code>npm ci</code> the command is{' '}
              <code>bin/tributary</code>.
            </p>
            <p class="prose">
              Or keep the transcoder that you have. It needs the credential alone, the part of the
              join string that begins with <code>trib_</code>:
            </p>
            <Copyable
              label="Command of a stock transcoder"
              text={`livepeer -transcoder -orchAddr ${address} -orchSecret trib_… -nvidia 0`}
            />
          </section>
          <section aria-labelledby="watch">
            <h2 id="watch">3. Watch it</h2>
            <p class="prose">
              The worker says in a line what it does and what it has earned. Segments come as soon
              as a gateway sends some that your machine is fast enough for.
            </p>
          </section>
          <section aria-labelledby="what">
            <h2 id="what">What your machine does, and what it may not</h2>
            <Facts
              of={[
                {
                  label: 'It opens',
                  value: `one connection outwards, to ${address}. No port of yours is opened.`,
                },
                {
                  label: 'It runs',
                  value:
                    'encoding of video segments, on the devices that you name. Nothing else is executed.',
                },
                {
                  label: 'It keeps',
                  value: 'your receipts. Video is in memory while it is encoded, and then gone.',
                },
                {
                  label: 'You leave',
                  value: 'by stopping it. What you earned stays owed, and is paid by the terms.',
                },
              ]}
            />
          </section>
          <p>
            <a href="/docs/guides/join-with-a-gpu">The whole guide</a>, with every option and what
            to do when something is wrong.
          </p>
        </>
      ),
    };
  },
};
