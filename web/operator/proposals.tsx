import { showCount } from '../../src/base/figures.ts';
import { Amount } from '../parts/amount.tsx';
import { Hash } from '../parts/copy.tsx';
import { Facts } from '../parts/figures.tsx';
import { StateText } from '../parts/state.tsx';
import { Time } from '../parts/time.tsx';
import type { Proposal, Proposals } from './api-views.ts';
import { Offer } from './chain-offer.tsx';
import { voteOn } from './chain-offers.ts';
import { lpt } from './treasury.ts';

/** What the governor of the protocol lets vote on, how the vote stands, and voting itself. */
export function ProposalsPart({
  of,
  mayVote,
}: {
  /** Undefined: the chain did not answer. */
  readonly of: Proposals | undefined;
  readonly mayVote: boolean;
}) {
  if (of && of.governor === null) return null;
  return (
    <section aria-labelledby="proposals">
      <h2 id="proposals">Open proposals of the governor</h2>
      <p class="hint prose">
        Whoever has stake decides with it what the treasury of the protocol pays for. A delegator
        that votes takes its own stake out of your vote.
      </p>
      {!of && (
        <p class="state attention">
          No provider told what is open. The list comes as soon as one answers; nothing else waits
          for it.
        </p>
      )}
      {of && !of.isComplete && (
        <p class="state attention">
          Older blocks are still being looked at: open this page again to see whether more is open.
        </p>
      )}
      {of?.isComplete && of.items.length === 0 && (
        <p class="empty">Nothing can be voted on now. Nothing needs doing.</p>
      )}
      {of?.items.map((one) => (
        <OneProposal key={one.id} of={one} round={of.round} mayVote={mayVote} />
      ))}
    </section>
  );
}

function OneProposal({
  of,
  round,
  mayVote,
}: {
  readonly of: Proposal;
  readonly round: string;
  readonly mayVote: boolean;
}) {
  const { id, title, description, proposer, calls, lastRound, endsAt, power } = of;
  return (
    <article class="stack">
      <h3>{title}</h3>
      <p>
        <State of={of} />
      </p>
      <Facts
        of={[
          { label: 'Number', value: <Hash value={id} label="Number of the proposal" /> },
          {
            label: 'Ends',
            value: `with round ${showCount(BigInt(lastRound))}`,
            note: (
              <>
                now round {showCount(BigInt(round))}
                {endsAt !== null && (
                  <>
                    ; about <Time at={endsAt} />
                  </>
                )}
              </>
            ),
          },
          { label: 'Votes so far', value: <Tally of={of} /> },
          {
            label: 'Yours counts for',
            value:
              power === null ? 'what you have at stake when it begins' : <Amount of={lpt(power)} />,
          },
          { label: 'Proposed by', value: <Hash value={proposer} label="Proposer" /> },
          {
            label: 'If it wins',
            value:
              calls === 1
                ? 'the treasury makes 1 call'
                : `the treasury makes ${showCount(calls)} calls`,
            note: 'what they do is not judged here: read it where the proposal is discussed',
          },
        ]}
      />
      {description !== '' && (
        <details>
          <summary>Read its text</summary>
          <p class="quoted">{description}</p>
        </details>
      )}
      {mayVote && of.state === 'active' && !of.hasVoted && <Offer of={voteOn(of)} />}
    </article>
  );
}

function State({ of: { state, hasVoted, vote, opensWithRound } }: { readonly of: Proposal }) {
  if (state === 'pending') {
    return (
      <StateText tone="muted">
        The vote begins with round {showCount(BigInt(opensWithRound))}. Nothing can be done before.
      </StateText>
    );
  }
  if (!hasVoted) return <StateText tone="attention">Open: you have not voted.</StateText>;
  const said =
    vote === null ? 'You have voted' : `You voted ${vote === 'abstain' ? 'to abstain' : vote}`;
  return <StateText tone="good">{said}. A vote cannot be changed; nothing needs doing.</StateText>;
}

function Tally({ of: { votes, quorum } }: { readonly of: Proposal }) {
  const all = BigInt(votes.for) + BigInt(votes.against) + BigInt(votes.abstain);
  return (
    <>
      for <Amount of={lpt(votes.for)} />, against <Amount of={lpt(votes.against)} />, abstained{' '}
      <Amount of={lpt(votes.abstain)} />
      {quorum !== null && (
        <span class="note">
          {' '}
          {all >= BigInt(quorum) ? 'as many as are needed: ' : 'not yet as many as are needed: '}
          <Amount of={lpt(quorum)} />
        </span>
      )}
    </>
  );
}
