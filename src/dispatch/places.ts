import { column, read } from './candidates.ts';
import type { Core } from './core.ts';
import { isAble, takePlaces } from './fleet.ts';
import { chain, holdsOn, unchain } from './holds.ts';
import type { Connection, Hold, Job, Session } from './state.ts';

/**
 * Who holds which place. A session counts against its worker's capacity from its first task until
 * its teardown, as a stock transcoder keeps encoders open for it.
 * Wire: go-livepeer core/orchestrator.go selectTranscoder, completeStreamSession.
 */
export function hold(core: Core, session: Session, connection: Connection, job: Job): void {
  const held = holdOf(session, connection);
  if (held) {
    const more = job.renditions - held.renditions;
    if (more <= 0) return;
    held.renditions = job.renditions;
    takePlaces(core.fleet, connection, { places: 0, encoders: more }, core.sabotage);
    return;
  }
  const { renditions } = job;
  const taken = { session, connection, renditions, index: 0 };
  session.holds.push(taken);
  chain(core.holds, core.fleet.candidates, taken);
  takePlaces(core.fleet, connection, { places: 1, encoders: renditions }, core.sabotage);
}

/** Gives back the places that neither the session's binding nor an open attempt needs. */
export function trimHolds(core: Core, session: Session): void {
  for (let i = session.holds.length - 1; i >= 0; i--) {
    const held = session.holds[i] as Hold;
    if (!isNeeded(session, held.connection)) release(core, session, i);
  }
}

function isNeeded(session: Session, connection: Connection): boolean {
  if (session.bound === connection) return true;
  const { running } = session;
  if (!running) return false;
  for (const attempt of running.attempts) {
    if (attempt.connection === connection && attempt.state !== 'ended') return true;
  }
  return false;
}

function release(core: Core, session: Session, index: number): void {
  const held = session.holds[index] as Hold;
  const { connection, renditions } = held;
  session.holds.splice(index, 1);
  unchain(core.holds, core.fleet.candidates, held);
  if (core.sabotage !== 'skip_teardown') {
    core.actions.push({
      type: 'send_teardown',
      connection: connection.id,
      session: session.id,
    });
  }
  if (core.sabotage === 'forget_release') return;
  takePlaces(core.fleet, connection, { places: -1, encoders: -renditions }, core.sabotage);
  core.roomMade = true;
}

/** The connection is gone: its sessions hold nothing there any more. */
export function dropHolds(core: Core, connection: Connection): void {
  for (const held of holdsOn(core.holds, core.fleet.candidates, connection)) {
    const { session } = held;
    session.holds.splice(session.holds.indexOf(held), 1);
    unchain(core.holds, core.fleet.candidates, held);
    if (session.bound === connection) session.bound = undefined;
  }
}

export function holdOf(session: Session, connection: Connection): Hold | undefined {
  for (const held of session.holds) if (held.connection === connection) return held;
  return undefined;
}

/**
 * Whether a session's next job goes where the last one went. `willing`: as it should; `unwilling`:
 * only when nobody else can, so that draining or quarantine never ends a session.
 */
export function affinityOf(
  { fleet }: Core,
  session: Session,
  job: Job,
): 'willing' | 'unwilling' | 'none' {
  const { bound } = session;
  if (!bound || !isAble(bound, job.needs)) return 'none';
  const held = holdOf(session, bound);
  const more = job.renditions - (held?.renditions ?? 0);
  if (more > 0 && more > read(fleet.candidates, bound.slot, column.encoders)) return 'none';
  const { state, health } = bound.worker;
  if (state === 'paused' || state === 'revoked') return 'none';
  const isShut = health === 'quarantined' || bound.quarantinedUntil > 0;
  return state === 'draining' || isShut ? 'unwilling' : 'willing';
}
