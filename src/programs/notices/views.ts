import { harmless, type Paint, table } from '../../base/terminal.ts';
import { noticeKinds, parseNoticeKind } from '../../notices/kinds.ts';

/** A notice as `tributary notices list` shows it. */
interface ListedNotice {
  readonly at: string;
  readonly kind: string;
  readonly worker: string | null;
  readonly title: string;
}
interface ListedLetter {
  readonly id: string;
  readonly type: string;
  readonly shown: string;
  readonly attempts: number;
  readonly endedAt: string | null;
  readonly reason: string | null;
}
interface ListedChannel {
  readonly id: string;
  readonly type: string;
  readonly shown: string;
  readonly confirmed: boolean;
  readonly stopped: { readonly because: string } | null;
}

/** Wider than a view: ids and titles are to be read whole. */
const LIST_COLUMNS = 120;
const minute = (iso: string | null) => (iso ?? '').slice(0, 16).replace('T', ' ');

/** Notices, a line each. */
export function noticesView(
  notices: readonly ListedNotice[],
  nameOf: (worker: string) => string,
  paint: Paint,
): string {
  if (notices.length === 0) return 'Nobody was told anything yet.';
  const rows = notices.map(({ at, kind, worker, title }) => [
    ...[minute(at), kind, worker === null ? forWhom(kind) : nameOf(worker), harmless(title)],
  ]);
  const titles = [{ title: 'UTC' }, { title: 'Kind' }, { title: 'Of' }, { title: 'Notice' }];
  return table(titles, rows, { paint, width: LIST_COLUMNS }).join('\n');
}

/** Who is told of a kind that names no worker. */
function forWhom(kind: string): string {
  const known = parseNoticeKind(kind);
  return known && noticeKinds[known].to === 'operators' ? 'operators' : 'everybody';
}

/** Letters that were given up, with what can be done. */
export function deadView(letters: readonly ListedLetter[], paint: Paint): string {
  if (letters.length === 0) return 'No letter was given up. Nothing needs to be done.';
  const rows = letters.map(({ id, type, shown, attempts, endedAt, reason }) => [
    ...[id, `${type} ${harmless(shown)}`, String(attempts), minute(endedAt), reason ?? ''],
  ]);
  const titles = [
    ...[{ title: 'Letter' }, { title: 'To' }, { title: 'Attempts' }],
    ...[{ title: 'Given up (UTC)' }, { title: 'Because' }],
  ];
  const lines = table(titles, rows, { paint, width: LIST_COLUMNS });
  return [...lines, '', 'Send one again: tributary notices replay ID; all: --all'].join('\n');
}

/** Channels of whoever runs the pool. */
export function channelsView(channels: readonly ListedChannel[], paint: Paint): string {
  if (channels.length === 0) {
    return 'Nobody is told of alarms. `tributary notices add TYPE --target …` changes that.';
  }
  const rows = channels.map(({ id, type, shown, confirmed, stopped }) => [
    ...[id, type, harmless(shown), stateOf(confirmed, stopped)],
  ]);
  const titles = [{ title: 'Channel' }, { title: 'Type' }, { title: 'To' }, { title: 'State' }];
  return table(titles, rows, { paint, width: LIST_COLUMNS }).join('\n');
}

function stateOf(confirmed: boolean, stopped: ListedChannel['stopped']): string {
  if (!confirmed) return 'Waits for its code';
  return stopped ? `Stopped: ${stopped.because}` : 'In use';
}
