import { Field, PostForm } from '../parts/confirm.tsx';
import { Island } from '../parts/island.tsx';
import type { NoticeChoices } from './api-views.ts';

type Type = NoticeChoices['types'][number];

/** Channels by the names that people use. */
export const channelNames: Readonly<Record<Type, string>> = {
  email: 'E-mail',
  discord: 'Discord',
  telegram: 'Telegram',
  ntfy: 'ntfy',
  webhook: 'Webhook',
};

/** What is written into the field of each. */
const TARGETS: Readonly<Record<Type, string>> = {
  email: 'your address; a code is sent there first',
  discord: 'the URL of a webhook of a channel',
  telegram: 'the number of your chat with the bot; a code is sent there first',
  ntfy: 'the URL of a topic, such as https://ntfy.sh/a-name-that-nobody-guesses',
  webhook: 'an https URL of yours; you are shown a secret by which you check our signature',
};

/** By which routes channels are changed, and where a change goes on: those of a worker, or the pool's. */
export interface ChannelRoutes {
  readonly channels: string;
  readonly goOn: string;
  test(id: string): { readonly action: string; readonly hidden?: Readonly<Record<string, string>> };
}

/** Those of whoever reads. */
export const ownChannels: ChannelRoutes = {
  channels: '/api/v1/me/notices/channels',
  goOn: '/worker/notices',
  test: (channel) => ({ action: '/api/v1/me/notices/test', hidden: { channel } }),
};

/** A new channel: which, where, and of what. */
export function AddChannel({
  of: { types, kinds },
  token,
  routes = ownChannels,
}: {
  readonly of: NoticeChoices;
  readonly token: string | undefined;
  readonly routes?: ChannelRoutes;
}) {
  if (types.length === 0) {
    return <p class="empty">This pool sends no notices yet; its settings set that up.</p>;
  }
  return (
    <>
      <ul class="plain-list prose">
        {types.map((type) => (
          <li key={type}>
            <strong>{channelNames[type]}</strong>: {TARGETS[type]}
          </li>
        ))}
      </ul>
      <Island
        name="form"
        props={{
          once: {
            field: 'secret',
            text: 'Copy this secret now: it is shown this once, and checks our signature.',
          },
        }}
      >
        <PostForm action={routes.channels} token={token} goOn={routes.goOn}>
          <div class="form row">
            <div class="field">
              <label for="type">By</label>
              <select id="type" name="type">
                {types.map((type) => (
                  <option key={type} value={type}>
                    {channelNames[type]}
                  </option>
                ))}
              </select>
            </div>
            <Field label="To" name="target">
              <input id="target" name="target" size={36} required autocomplete="off" />
            </Field>
          </div>
          <fieldset hidden disabled data-needs-script>
            <Kinds of={kinds} prefix="new" checked={kinds.map(({ kind }) => kind)} />
          </fieldset>
          <button type="submit">Be told there</button>
        </PostForm>
      </Island>
    </>
  );
}

/** Which kinds of notices; several of one name take the script. */
export function Kinds({
  of,
  prefix,
  checked,
}: {
  readonly of: NoticeChoices['kinds'];
  readonly prefix: string;
  readonly checked: readonly string[];
}) {
  return (
    <details>
      <summary>
        Of what: {checked.length === of.length ? 'everything' : `${checked.length} of ${of.length}`}
      </summary>
      <ul class="checks">
        {of.map(({ kind, title }) => (
          <li key={kind}>
            <input
              type="checkbox"
              id={`${prefix}-${kind}`}
              name="kinds"
              value={kind}
              checked={checked.includes(kind)}
            />{' '}
            <label for={`${prefix}-${kind}`}>{title}</label>
          </li>
        ))}
      </ul>
    </details>
  );
}
