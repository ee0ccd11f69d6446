import { ETH } from '../../src/base/asset.ts';
import type { Terms } from '../../src/terms/terms.ts';
import { Field, PostForm } from '../parts/confirm.tsx';
import { Island } from '../parts/island.tsx';
import { loadTerms } from '../public/pool.ts';
import { EvidenceField, TextField } from './dispute.tsx';
import { workerPage } from './worker-page.tsx';

/** What a line is named by: `epoch-3/abcdefghij/2`. */
const ABOUT = /^epoch-[1-9]\d{0,17}\/[a-z2-7]{10}\/[A-Za-z0-9/_-]{1,80}$/;

/** `/worker/disputes/new?about=…`: this line is wrong. */
export const newDisputePage = workerPage('/worker/disputes/new', async (parts) => {
  const { reader, pool, request, worker, token } = parts;
  const terms = await loadTerms(reader, pool.terms.current);
  const asked = request.query.get('about') ?? '';
  const about = ABOUT.test(asked) ? asked : '';
  const asset = terms?.payouts.assets[0] ?? ETH;
  const decimals = terms?.assets[asset]?.decimals ?? 18;
  return {
    title: 'Dispute something',
    current: '/worker/disputes',
    content: (
      <>
        <p class="crumbs">
          <a href="/worker/disputes">Disputes</a>
        </p>
        <h1>{about === '' ? 'Dispute something' : 'Dispute this line'}</h1>
        {terms && <Rules of={terms.disputes} />}
        <Island name="form" props={{}}>
          <PostForm action="/api/v1/me/disputes" token={token} goOn="/worker/disputes">
            <Field
              label="What it is about"
              name="about"
              hint={
                about === ''
                  ? `Easier: open the statement of the epoch and dispute the line there, which fills this in. By hand: epoch-3/${worker.id}/2 is line 2 of your statement of epoch 3; where a receipt never came, write epoch-3/${worker.id}/receipt/ and a word of yours.`
                  : 'The line that you came from.'
              }
            >
              <input
                id="about"
                name="about"
                class="mono"
                size={48}
                required
                value={about}
                autocomplete="off"
                spellcheck={false}
              />
            </Field>
            <TextField label="What is wrong, and how you know" />
            <fieldset hidden disabled data-needs-script>
              <Field
                label={`What you claim, in ${asset}`}
                name="claimed"
                hint="May be empty; a penalty that is called off comes back without it."
              >
                <input
                  id="claimed"
                  name="claimed"
                  inputmode="decimal"
                  pattern="\s*\d+([.,]\d+)?\s*"
                  autocomplete="off"
                  data-as="amount"
                  data-asset={asset}
                  data-decimals={decimals}
                />
              </Field>
            </fieldset>
            <EvidenceField />
            <button type="submit">Open the dispute</button>
          </PostForm>
        </Island>
      </>
    ),
  };
});

/** What will happen, said before anything is sent. */
function Rules({ of }: { readonly of: Terms['disputes'] }) {
  return (
    <ol class="steps prose">
      <li>You may dispute a line until {of.openDays} days after its epoch was closed, once.</li>
      <li>
        The pool answers within {of.answerDays} days, and decides within {of.decideDays} days after
        that.{' '}
        {of.late === 'upheld'
          ? 'If it is late, you get back what a penalty or a refund took.'
          : 'If it is late, the dispute stays open, and the public log says so.'}
      </li>
      <li>
        {of.setAside
          ? 'What a disputed penalty or refund took waits in an account of its own until then.'
          : 'What was taken stays where it is until then.'}
      </li>
    </ol>
  );
}
