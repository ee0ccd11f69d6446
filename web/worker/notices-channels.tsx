import { Field, PostForm } from '../parts/confirm.tsx';
import { Island } from '../parts/island.tsx';
import { StateText } from '../parts/state.tsx';
import { Time } from '../parts/time.tsx';
import type { NoticeChoices } from './api-views.ts';
import { type ChannelRoutes, channelNames, Kinds, ownChannels } from './notices-add.tsx';

type Channel = NoticeChoices['channels'][number];

/** Each channel with its state in words, and what can be done with it. */
export function Channels({
  of: { channels, kinds },
  token,
  routes = ownChannels,
}: {
  readonly of: NoticeChoices;
  readonly token: string | undefined;
  readonly routes?: ChannelRoutes;
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
            <InUse of={channel} kinds={kinds} token={token} routes={routes} />
          ) : (
            <Confirm of={channel} token={token} routes={routes} />
          )}
          <PostForm
            action={`${routes.channels}/${channel.id}/remove`}
            token={token}
            goOn={`${routes.goOn}#channels`}
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
  routes,
}: {
  readonly of: Channel;
  readonly token: string | undefined;
  readonly routes: ChannelRoutes;
}) {
  const name = `code-${id}`;
  return (
    <Island name="form" props={{}}>
      <PostForm
        action={`${routes.channels}/${id}/confirm`}
        token={token}
        goOn={`${routes.goOn}#channels`}
      >
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
  routes,
}: {
  readonly of: Channel;
  readonly kinds: NoticeChoices['kinds'];
  readonly token: string | undefined;
  readonly routes: ChannelRoutes;
}) {
  const form = { token, goOn: `${routes.goOn}#channels` };
  const action = `${routes.channels}/${id}`;
  return (
    <>
      <Island name="form" props={{}}>
        <PostForm action={action} {...form}>
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
          <PostForm {...routes.test(id)} {...form}>
            <button type="submit" class="quiet">
              Send a test
            </button>
          </PostForm>
        </Island>
        <PostForm
          action={action}
          {...form}
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
