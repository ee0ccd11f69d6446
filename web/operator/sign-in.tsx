import type { Page } from '../page.ts';
import { Copyable } from '../parts/copy.tsx';
import { Island } from '../parts/island.tsx';
import { poolAndReader } from '../parts/signed-in.ts';
import { Notice } from '../parts/state.tsx';
import { operatorFrame } from './operator-page.tsx';

/** `/operator/sign-in`: with a link, or with the wallet of an operator. */
export const signInPage: Page = {
  path: '/operator/sign-in',
  async show({ reader, request }) {
    const { pool, who } = await poolAndReader({ reader });
    const then = localPath(request.query.get('then')) ?? '/operator';
    if (who?.kind === 'operator') return { status: 303, location: then };
    return {
      frame: operatorFrame(pool, { title: 'Sign in', links: [{ href: '/', label: 'The pool' }] }),
      content: (
        <>
          <h1>Sign in as an operator</h1>
          <p class="lead">See the fleet, the traffic and the money of {pool.name}, and act.</p>
          {who?.kind === 'worker' && (
            <Notice title="You are signed in as a worker.">
              Signing in here signs the worker out in this browser.
            </Notice>
          )}
          <section aria-labelledby="link">
            <h2 id="link">With a link</h2>
            <p class="prose">
              Make one on the machine of the pool. It works once, within ten minutes, and signs you
              in for 12 hours.
            </p>
            <Copyable text="tributary operators link NAME" label="Command" />
            <p class="prose">
              The first time, `tributary operators add NAME --role owner` makes you one; roles are
              viewer, support, finance and owner.
            </p>
          </section>
          <section aria-labelledby="wallet">
            <h2 id="wallet">With a wallet</h2>
            <p class="prose">
              For operators that were added with `--wallet`. It signs a short text that this page
              shows first; that moves no money.
            </p>
            <Island name="wallet-sign-in" props={{ then, as: 'operator' }}>
              <p class="empty">A wallet signs in this browser, which takes JavaScript.</p>
            </Island>
          </section>
        </>
      ),
    };
  },
};

/** A path of the console; never an address of another site. */
function localPath(text: string | null): string | undefined {
  return text !== null && /^\/operator[\x21-\x7e]{0,500}$/.test(text) ? text : undefined;
}
