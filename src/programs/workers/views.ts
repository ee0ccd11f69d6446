import type { Enrolment, WorkerView } from '../../api/admin-client.ts';
import { showCount, showPixels } from '../../base/figures.ts';
import { harmless, type Paint, type Tone, table } from '../../base/terminal.ts';

/** A worker's state in words, with what the words mean for the reader. */
export function stateWords(worker: WorkerView): string {
  if (worker.status !== undefined) return harmless(worker.status);
  const { state, connections = 0, sessions = 0 } = worker;
  switch (state) {
    case 'revoked':
      return 'Revoked';
    case 'paused':
      return 'Paused';
    case 'draining':
      return sessions > 0 ? 'Draining' : 'Drained';
    case 'active':
      if (connections === 0) return 'Not connected';
      return sessions > 0 ? 'Working' : 'Idle: no demand';
  }
}

/** The list of workers: a sentence, then a table. */
export function listView(workers: readonly WorkerView[], paint: Paint): string {
  if (workers.length === 0) {
    return 'No worker is enrolled yet. `tributary workers add NAME` enrols one.';
  }
  const rows = workers.map((worker) => {
    const words = stateWords(worker);
    return [
      harmless(worker.name),
      paint(toneOf(words), words),
      sessionsText(worker),
      figure(worker.segments),
      figure(worker.failures),
      pixelsText(worker),
    ];
  });
  const lines = table(
    [
      { title: 'worker' },
      { title: 'state' },
      { title: 'sessions', align: 'right' },
      { title: 'segments', align: 'right' },
      { title: 'failed', align: 'right' },
      { title: 'pixels', align: 'right' },
    ],
    rows,
    { paint },
  );
  return [summary(workers), '', ...lines].join('\n');
}

/** All that is known of one worker. */
export function workerView(worker: WorkerView, paint: Paint): string {
  const words = stateWords(worker);
  const lines: readonly (readonly [string, string])[] = [
    ['Id', worker.id],
    ['Connections', figure(worker.connections)],
    ['Sessions', sessionsText(worker)],
    ['Segments', figure(worker.segments)],
    ['Failed', figure(worker.failures)],
    ['Pixels', pixelsText(worker)],
    ['Payout address', worker.payoutAddress ?? 'none yet'],
    ['Credentials', secretsText(worker.validSecrets)],
    ['Enrolled', worker.createdAt ?? ''],
  ];
  const body = lines
    .filter(([, value]) => value !== '')
    .map(([label, value]) => `  ${paint('muted', label.padEnd(16))}${value}`);
  return [`${harmless(worker.name)}: ${paint(toneOf(words), words)}`, ...body].join('\n');
}

/** A fresh credential and how each kind of worker uses it. */
export function enrolmentView(enrolment: Enrolment, happened: 'enrolled' | 'rotated'): string {
  const { id, name, credential, join } = enrolment;
  const address = /^[a-z]+:\/\/([^/]+)/.exec(join)?.[1] ?? 'HOST:8935';
  const first =
    happened === 'enrolled'
      ? `${name} is enrolled (${id}). Its credential is shown only now:`
      : `${name} (${id}) has a new credential, shown only now.
The one before stays valid until the next rotation; one from before that is refused from now on:`;
  return `${first}

  ${credential}

With our worker:
  tributary worker join ${join}

With a stock transcoder:
  livepeer -transcoder -orchAddr ${address} -orchSecret ${credential}`;
}

/** What each change did, and what to do next. */
export const changed = {
  revoke: (worker: string) =>
    `${worker} is revoked: it is cut off and its credentials are refused. Nothing needs to be done.`,
  pause: (worker: string) =>
    `${worker} is paused: it gets no new sessions. \`tributary workers resume ${worker}\` takes it back.`,
  resume: (worker: string) => `${worker} gets sessions again. Nothing needs to be done.`,
  drain: (worker: string) =>
    `${worker} is draining: it finishes what it has. \`tributary workers resume ${worker}\` takes it back.`,
} as const;

function summary(workers: readonly WorkerView[]): string {
  const enrolled = workers.filter(({ state }) => state !== 'revoked');
  const working = enrolled.filter(({ sessions = 0 }) => sessions > 0).length;
  const connected = enrolled.filter(({ connections = 0 }) => connections > 0).length;
  const noun = enrolled.length === 1 ? 'worker' : 'workers';
  return `${showCount(enrolled.length)} ${noun}, ${connected} connected, ${working} working`;
}

function toneOf(words: string): Tone {
  if (words.startsWith('Working')) return 'paid';
  if (words.startsWith('Idle')) return 'plain';
  if (words.startsWith('Revoked')) return 'muted';
  return 'attention';
}

function sessionsText({ sessions, capacity }: WorkerView): string {
  if (sessions === undefined) return '';
  return capacity === undefined ? `${sessions}` : `${sessions} of ${capacity}`;
}

function secretsText(validSecrets: number | undefined): string {
  if (validSecrets === undefined) return '';
  return validSecrets === 2 ? '2 valid: a rotation is under way' : `${validSecrets} valid`;
}

function figure(value: number | undefined): string {
  return value === undefined ? '' : showCount(value);
}

function pixelsText({ pixels }: WorkerView): string {
  return pixels === undefined ? '' : showPixels(BigInt(pixels));
}
