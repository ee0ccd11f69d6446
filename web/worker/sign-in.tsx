import type { PoolView } from '../../src/api/pool-view.ts';
import type { Page } from '../page.ts';
import { PostForm } from '../parts/confirm.tsx';
import { Island } from '../parts/island.tsx';
import { poolAndReader, type Who } from '../parts/signed-in.ts';
import { Notice } from '../parts/state.tsx';
import { workerFrame } from './worker-page.tsx';

/** 256 random bits in base 32: what a link of the operator carries. */
const TOKEN = /^[A-Za-z0-9_-]{16,200}$/;
const PUBLIC_LINKS = [
  { href: '/', label: 'The pool' },
  { href: '/terms', label: 'Terms' },
  { href: '/join', label: 'Join' },
];

/** `/worker/sign-in`: with the wallet that is paid, or with a link of the operator. */
export const signInPage: Page = {
  path: '/worker/sign-in',
  async show({ reader, request }) {
    const { pool, who } = await poolAndReader({ reader });
    const then = localPath(request.query.get('then')) ?? '/worker';
    if (who?.kind === 'worker') return { status: 303, location: then };
    return {
      frame: workerFrame(pool, { title: 'Sign in', links: PUBLIC_LINKS }),
      content: <SignIn pool={pool} who={who} then={then} />,
    };
  },
};

/**
 * `/sign-in?link=…`: where links of the operator lead. It takes a click, so that programs that look
 * at links in chats do not use them up.
 */
export const linkPage: Page = {
  path: '/sign-in',
  async show({ reader, request }) {
    const { pool, who } = await poolAndReader({ reader });
    const token = request.query.get('link');
    if (token === null) {
      if (who?.kind === 'operator') return { status: 303, location: '/operator' };
      return { status: 303, location: '/worker/sign-in' };
    }
    const frame = workerFrame(pool, { title: 'Sign in', links: PUBLIC_LINKS });
    if (!TOKEN.test(token)) return { status: 400, frame, content: <BadLink /> };
    return { frame, content: <ByLink pool={pool} token={token} /> };
  },
};

/** A path of this portal; never an address of another site. */
function localPath(text: string | null): string | undefined {
  return text !== null && /^\/worker[\x21-\x7e]{0,500}$/.test(text) ? text : undefined;
}

function SignIn({
  pool,
  who,
  then,
}: {
  readonly pool: PoolView;
  readonly who: Who | undefined;
  readonly then: string;
}) {
  return (
    <>
      <h1>Sign in as a worker</h1>
      <p class="lead">
        See whether your machines work, what they earned and when you are paid, and change where you
        are paid.
      </p>
      {who?.kind === 'operator' && (
        <Notice title={`You are signed in as the operator ${who.name ?? ''}.`}>
          These pages show the pay of a worker. Signing in here signs the operator out in this
          browser.
        </Notice>
      )}
      <KeyWarning />
      <section aria-labelledby="wallet">
        <h2 id="wallet">With the wallet that is paid</h2>
        <p class="prose">
          Your wallet signs a short text that this page shows you first. That moves no money, costs
          nothing, and gives nobody any right over the wallet.
        </p>
        <Island
          name="wallet-sign-in"
          props={{ then, chainId: pool.chain === null ? undefined : Number(pool.chain.id) }}
        >
          <p class="empty">
            A wallet signs in this browser, which takes JavaScript. Without it, sign in with a link
            of the operator, as below.
          </p>
        </Island>
      </section>
      <section aria-labelledby="link">
        <h2 id="link">With a link of the operator</h2>
        <p class="prose">
          No payout address yet, or a wallet that is elsewhere? Ask the operator of {pool.name} for
          a login link. It works once, within ten minutes, and signs you in for 30 days.
        </p>
      </section>
    </>
  );
}

/** Stands wherever somebody could be asked for more. */
export function KeyWarning() {
  return (
    <Notice
      tone="attention"
      title="No honest pool asks for a private key, a seed phrase or a keystore."
    >
      Neither does this page. Whoever asks for one wants your money.
    </Notice>
  );
}

function ByLink({ pool, token }: { readonly pool: PoolView; readonly token: string }) {
  return (
    <>
      <h1>Sign in to {pool.name}</h1>
      <p class="lead">The operator made this link for you. It works once, within ten minutes.</p>
      <PostForm action="/api/v1/session/link" token={undefined} goOn="/sign-in" hidden={{ token }}>
        <button type="submit">Sign in</button>
      </PostForm>
      <p class="hint prose">
        The pool then keeps a cookie that only this browser sends, and only to this pool.
      </p>
      <KeyWarning />
    </>
  );
}

function BadLink() {
  return (
    <>
      <h1>This link is not whole</h1>
      <p class="prose">
        A part of it is missing, as happens when it is copied in pieces. Open it again from where
        the operator sent it, or ask for another one.
      </p>
      <p>
        <a href="/worker/sign-in">Other ways to sign in</a>
      </p>
    </>
  );
}
