import { harmless, type Paint, table } from '../../base/terminal.ts';

/** An incident as the API gives it. */
interface ListedIncident {
  readonly id: string;
  readonly kind: 'incident' | 'maintenance';
  readonly title: string;
  readonly startsAt: string;
  readonly endsAt: string | null;
  readonly closedAt: string | null;
  readonly updates: readonly { readonly at: string; readonly text: string }[];
}

/** Wider than a view: titles are to be read whole. */
const LIST_COLUMNS = 120;
const minute = (iso: string) => iso.slice(0, 16).replace('T', ' ');

/** Where it stands, in words. */
export function standingOf(incident: ListedIncident, now: number): string {
  const { kind, startsAt, endsAt, closedAt } = incident;
  if (kind === 'incident') return closedAt === null ? 'Goes on' : 'Over';
  if (closedAt !== null) return closedAt < startsAt ? 'Called off' : 'Over';
  if (Date.parse(startsAt) > now) return 'Planned';
  return endsAt !== null && Date.parse(endsAt) <= now ? 'Over' : 'Goes on';
}

/** Whether anybody has to look at it still. */
export function isOpen(incident: ListedIncident, now: number): boolean {
  return ['Goes on', 'Planned'].includes(standingOf(incident, now));
}

/** Incidents and planned work, a line each. */
export function incidentsView(
  incidents: readonly ListedIncident[],
  now: number,
  paint: Paint,
): string {
  if (incidents.length === 0) return 'Nothing is wrong, and nothing is planned.';
  const rows = incidents.map((incident) => {
    const { id, kind, title, startsAt, endsAt } = incident;
    const until = endsAt === null ? '' : minute(endsAt);
    return [id, kind, standingOf(incident, now), minute(startsAt), until, harmless(title)];
  });
  const titles = [
    ...[{ title: 'Number' }, { title: 'Kind' }, { title: 'State' }],
    ...[{ title: 'From (UTC)' }, { title: 'To (UTC)' }, { title: 'What' }],
  ];
  return table(titles, rows, { paint, width: LIST_COLUMNS }).join('\n');
}

/** One of them after it was changed, and what can be done next. */
export function incidentView(incident: ListedIncident, now: number): string {
  const { id, title, startsAt, endsAt, updates } = incident;
  const standing = standingOf(incident, now);
  const until = endsAt === null ? '' : ` to ${minute(endsAt)}`;
  const last = updates.at(-1);
  return [
    `${id}  ${standing}: ${harmless(title)}, from ${minute(startsAt)}${until} UTC.`,
    ...(last ? [harmless(last.text)] : []),
    isOpen(incident, now)
      ? `It stands on /incidents, and everybody is told. When it is over: tributary incidents close ${id}`
      : 'It stands on /incidents, and everybody is told.',
  ].join('\n');
}
