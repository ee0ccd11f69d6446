import { showLpt } from '../../base/amounts.ts';
import { showCount } from '../../base/figures.ts';
import { harmless, type Paint, VIEW_COLUMNS, wrap } from '../../base/terminal.ts';
import type { ProposalsView } from './client.ts';
import { entry } from './views.ts';

type Proposal = ProposalsView['items'][number];

/** What `tributary chain proposals` prints: a sentence, then each proposal with how to vote on it. */
export function proposalsText(found: ProposalsView, paint: Paint): string {
  const { governor, round, isComplete, items } = found;
  if (governor === null) return 'This network has no governor.';
  const more = isComplete
    ? []
    : ['', paint('attention', 'Older blocks are still being looked at: ask again to see more.')];
  if (items.length === 0) {
    return [isComplete ? 'Nothing can be voted on now.' : 'Nothing was found yet.', ...more].join(
      '\n',
    );
  }
  const waiting = items.filter(({ state, hasVoted }) => state === 'active' && !hasVoted).length;
  const head =
    waiting === 0
      ? 'Nothing waits for your vote.'
      : paint(
          'attention',
          waiting === 1
            ? '1 proposal waits for your vote.'
            : `${waiting} proposals wait for your vote.`,
        );
  return [head, ...items.flatMap((one) => ['', ...lines(one, round, paint)]), ...more].join('\n');
}

function lines(of: Proposal, round: bigint, paint: Paint): readonly string[] {
  const { id, title, votes, quorum, power, lastRound, endsAt, proposer, calls } = of;
  const about = endsAt === null ? '' : `, about ${endsAt.slice(0, 16).replace('T', ' ')} UTC`;
  const all = votes.for + votes.against + votes.abstain;
  const needed =
    quorum === null
      ? ''
      : `; ${showLpt(quorum)} must be voted, and ${all >= quorum ? 'are' : 'are not yet'}`;
  const tally = `for ${showLpt(votes.for)}, against ${showLpt(votes.against)}, abstained ${showLpt(votes.abstain)}${needed}`;
  return [
    ...wrap(harmless(title), VIEW_COLUMNS).map((line) => paint('strong', line)),
    ...entry('State', stateText(of), paint, isWaiting(of) ? 'attention' : 'plain'),
    ...entry('Ends', `with round ${showCount(lastRound)}, now ${showCount(round)}${about}`, paint),
    ...entry('Votes', tally, paint),
    ...entry(
      'Yours',
      power === null ? 'counts for what you have at stake when it begins' : showLpt(power),
      paint,
    ),
    ...entry('Proposed by', `${proposer}; ${calls} ${calls === 1 ? 'call' : 'calls'}`, paint),
    // On a line of its own and whole, so that it can be copied.
    ...(isWaiting(of) ? [`tributary chain vote --proposal ${id} --support for`] : [`${id}`]),
  ];
}

function isWaiting({ state, hasVoted }: Proposal): boolean {
  return state === 'active' && !hasVoted;
}

function stateText({ state, hasVoted, vote, opensWithRound }: Proposal): string {
  if (state === 'pending') return `The vote begins with round ${showCount(opensWithRound)}.`;
  if (!hasVoted) return 'Open; you have not voted.';
  return vote === null ? 'You have voted.' : `You voted ${vote}.`;
}
