import { isAble, placesChanged } from './fleet.ts';
import type { Connection, Core, Hold, Job, Session } from './state.ts';

/**
 * Who holds which place. A session counts against its worker's capacity from its first task until
 * its teardown, as a stock transcoder keeps encoders open for it.
 * Wire: go-livepeer core/orchestrator.go selectTranscoder, completeStreamSession.
 */
export function hold(core: Core, session: Session, connection: Connection, job: Job): void {
  const held = holdOf(session, connection);
  if (held) {
    if (job.renditions <= held.renditions) return;
    connection.encoders += job.renditions - held.renditions;
    held.renditions = job.renditions;
  } else {
    const { holds } = connection;
    const taken = { session, connection, renditions: job.renditions, index: holds.length };
    session.holds.push(taken);
    holds.push(taken);
    connection.load++;
    connection.encoders += job.renditions;
    core.fleet.load++;
  }
  placesChanged(core.fleet, connection, core.sabotage);
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
  const last = connection.holds.pop() as Hold;
  if (last !== held) {
    connection.holds[held.index] = last;
    last.index = held.index;
  }
  if (!core.fleet.connections.has(connection.id)) return;
  if (core.sabotage !== 'skip_teardown') {
    core.actions.push({
      type: 'send_teardown',
      connection: connection.id,
      session: session.id,
    });
  }
  if (core.sabotage === 'forget_release') return;
  connection.load--;
  connection.encoders -= renditions;
  core.fleet.load--;
  placesChanged(core.fleet, connection, core.sabotage);
  core.roomMade = true;
}

/** The connection is gone: its sessions hold nothing there any more. */
export function dropHolds(connection: Connection): void {
  for (const held of connection.holds) {
    const { session } = held;
    session.holds.splice(session.holds.indexOf(held), 1);
    if (session.bound === connection) session.bound = undefined;
  }
  connection.holds.length = 0;
}

export function holdOf(session: Session, connection: Connection): Hold | undefined {
  for (const held of session.holds) if (held.connection === connection) return held;
  return undefined;
}

/**
 * Whether a session's next job goes where the last one went. `willing`: as it should; `unwilling`:
 * only when nobody else can, so that draining or quarantine never ends a session.
 */
export function affinityOf(session: Session, job: Job): 'willing' | 'unwilling' | 'none' {
  const { bound } = session;
  if (!bound || !isAble(bound, job.needs)) return 'none';
  const held = holdOf(session, bound);
  const more = job.renditions - (held?.renditions ?? 0);
  if (more > 0 && bound.encoders + more > bound.encoderSessions) return 'none';
  const { state, health } = bound.worker;
  if (state === 'paused' || state === 'revoked') return 'none';
  return state === 'draining' || health === 'quarantined' ? 'unwilling' : 'willing';
}
