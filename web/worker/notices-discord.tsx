import { PostForm } from '../parts/confirm.tsx';
import { Island } from '../parts/island.tsx';
import type { NoticeChoices } from './api-views.ts';

const HERE = '/worker/notices#discord';
const GUIDE = '/docs/explanations/notices#commands-in-discord';

/** Commands in Discord: ask there what stands on these pages. */
export function DiscordCommands({
  of: { discord },
  token,
}: {
  readonly of: NoticeChoices;
  readonly token: string | undefined;
}) {
  if (discord === null) {
    return (
      <p class="prose">
        This pool answers no commands in Discord yet. Its operator can have it answer{' '}
        <code>/status</code>, <code>/earnings</code> and <code>/why</code>:{' '}
        <a href={GUIDE}>how the interactions endpoint is connected</a>.
      </p>
    );
  }
  const { linked } = discord;
  const users = linked === 1 ? '1 Discord user is' : `${linked} Discord users are`;
  return (
    <>
      <p class="prose">
        {linked === 0 ? 'No Discord user is' : users} linked with your workers. Who is linked asks{' '}
        <code>/status</code>, <code>/earnings</code> or <code>/why</code> where the pool's
        application is, and alone sees the answer, which is what these pages say.{' '}
        <a href={GUIDE}>How it works</a>.
      </p>
      <Island
        name="form"
        props={{
          once: {
            field: 'code',
            text: 'Type this in Discord within ten minutes, after /link and a space. It counts once.',
          },
        }}
      >
        <PostForm action="/api/v1/me/notices/discord" token={token} goOn={HERE}>
          <fieldset hidden disabled data-needs-script>
            <button type="submit">Make a code</button>
          </fieldset>
        </PostForm>
      </Island>
      {linked > 0 && (
        <PostForm action="/api/v1/me/notices/discord/unlink" token={token} goOn={HERE}>
          <button type="submit" class="quiet">
            Take every link back
          </button>
        </PostForm>
      )}
    </>
  );
}
