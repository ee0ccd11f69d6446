import { Field, PostForm } from '../parts/confirm.tsx';
import { Island } from '../parts/island.tsx';
import { StateText } from '../parts/state.tsx';
import { Time } from '../parts/time.tsx';
import type { NoticeChoices } from './api-views.ts';
import { channelNames, Kinds } from './notices-add.tsx';

type Channel = NoticeChoices['channels'][number];
const HERE = '/worker/notices#channels';

/** Each channel with its state in words, and what can be done with it. */
export function Channels({
  of: { channels, kinds },
  token,
}: {
  readonly of: NoticeChoices;
  readonly token: string | undefined;
}) {
  return (
    <>
      {channels.map((channel) => (
        <div key={channel.id} class="channel stack">
          <h3>
            {channelNames[channel.type]}: {channel.shown}
          </h3>
          <State of={channel} />
          {channel.confirmed ? (
            <InUse of={channel} kinds={kinds} token={token} />
          ) : (
            <Confirm of={channel} token={token} />
          )}
          <PostForm
            action={`/api/v1/me/notices/channels/${channel.id}/remove`}
            token={token}
            goOn={HERE}
          >
            <button type="submit" class="quiet">
              Remove<span class="visually-hidden"> {channel.shown}</span>
            </button>
          </PostForm>
        </div>
      ))}
    </>
  );
}

function State({ of: { confirmed, stopped } }: { readonly of: Channel }) {
  if (stopped !== null) {
    return (
      <p>
        <StateText tone="attention">Stopped</StateText> since <Time at={stopped.at} />:{' '}
        {stopped.because}
      </p>
    );
  }
  if (confirmed) {
    return (
      <p>
        <StateText tone="good">In use.</StateText> Nothing needs doing.
      </p>
    );
  }
  return (
    <p>
      <StateText tone="attention">Not confirmed.</StateText> A code was sent there; type it in.
    </p>
  );
}

function Confirm({
  of: { id },
  token,
}: {
  readonly of: Channel;
  readonly token: string | undefined;
}) {
  const name = `code-${id}`;
  return (
    <Island name="form" props={{}}>
      <PostForm action={`/api/v1/me/notices/channels/${id}/confirm`} token={token} goOn={HERE}>
        <Field label="Code" name={name}>
          <input id={name} name="code" size={12} required autocomplete="one-time-code" />
        </Field>
        <button type="submit">Confirm</button>
      </PostForm>
    </Island>
  );
}

function InUse({
  of: { id, stopped, kinds: chosen },
  kinds,
  token,
}: {
  readonly of: Channel;
  readonly kinds: NoticeChoices['kinds'];
  readonly token: string | undefined;
}) {
  const action = `/api/v1/me/notices/channels/${id}`;
  return (
    <>
      <Island name="form" props={{}}>
        <PostForm action={action} token={token} goOn={HERE}>
          <fieldset hidden disabled data-needs-script>
            <Kinds of={kinds} prefix={id} checked={chosen} />
            <button type="submit" class="quiet">
              Keep this choice
            </button>
          </fieldset>
        </PostForm>
      </Island>
      <div class="buttons">
        <Island name="form" props={{}}>
          <PostForm
            action="/api/v1/me/notices/test"
            token={token}
            goOn={HERE}
            hidden={{ channel: id }}
          >
            <button type="submit" class="quiet">
              Send a test
            </button>
          </PostForm>
        </Island>
        <PostForm
          action={action}
          token={token}
          goOn={HERE}
          hidden={{ stopped: stopped === null ? 'true' : 'false' }}
        >
          <button type="submit" class="quiet">
            {stopped === null ? 'Stop it' : 'Start it again'}
          </button>
        </PostForm>
      </div>
    </>
  );
}
