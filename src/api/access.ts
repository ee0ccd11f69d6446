import type { WorkerId } from '../base/ids.ts';

/** What an operator may do: viewer < support < owner, and viewer < finance < owner. */
export const roles = ['viewer', 'support', 'finance', 'owner'] as const;
export type Role = (typeof roles)[number];

/**
 * Who may call a route. `signed-in`: any worker or operator with a session; `worker`: only about its
 * own machines; the rest are roles of operators.
 */
export type Access = 'public' | 'signed-in' | 'worker' | Role;

/** Who calls. */
export type Actor = Nobody | WorkerActor | OperatorActor;

/** Somebody who showed nothing, or nothing that is valid. */
export interface Nobody {
  readonly kind: 'nobody';
}

/** Somebody who may see and change one or several workers: those that a wallet is paid for. */
export interface WorkerActor {
  readonly kind: 'worker';
  /** Session or worker, as it stands in the audit log; never a secret. */
  readonly id: string;
  readonly workers: readonly WorkerId[];
  /** A machine's credential reads, and changes nothing: it lies on rented machines. */
  readonly by: 'wallet' | 'link' | 'credential';
  /** The session by the hash of its token; undefined without one. */
  readonly session?: string;
}

/** Somebody who runs the pool. The admin token of the data directory acts as `owner`. */
export interface OperatorActor {
  readonly kind: 'operator';
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly by: 'token' | 'wallet' | 'link';
  readonly session?: string;
}

/** Whom a route of some access is called by. */
export type ActorFor<A extends Access> = A extends 'public'
  ? Actor
  : A extends 'signed-in'
    ? WorkerActor | OperatorActor
    : A extends 'worker'
      ? WorkerActor
      : OperatorActor;

export const nobody: Nobody = { kind: 'nobody' };

const INCLUDES: Readonly<Record<Role, readonly Role[]>> = {
  viewer: ['viewer'],
  support: ['viewer', 'support'],
  finance: ['viewer', 'finance'],
  owner: roles,
};

/** Whether an operator of one role may do what another role is named for. */
export function includes(role: Role, wanted: Role): boolean {
  return INCLUDES[role].includes(wanted);
}

/** Why a call is not allowed; undefined: it is. The one place where access is decided. */
export type AccessRefusal = 'sign_in_needed' | 'not_allowed' | 'session_needed' | 'not_here';

/** What is looked at of a call. */
export interface Call {
  readonly access: Access;
  /** Whether it changes something. */
  readonly changes: boolean;
  /** Where it came in: operators' routes are refused elsewhere than on the admin address. */
  readonly operatorsHere: boolean;
}

/** Decides by the access of the route and who calls. */
export function refusalOf(actor: Actor, call: Call): AccessRefusal | undefined {
  const { access, changes, operatorsHere } = call;
  if (access === 'public') return undefined;
  const isOperators = access !== 'worker' && access !== 'signed-in';
  if (isOperators && !operatorsHere) return 'not_here';
  if (actor.kind === 'nobody') return 'sign_in_needed';
  if (access === 'signed-in') return actor.session === undefined ? 'session_needed' : undefined;
  if (access === 'worker') {
    if (actor.kind !== 'worker') return 'not_allowed';
    return changes && actor.by === 'credential' ? 'session_needed' : undefined;
  }
  return actor.kind === 'operator' && includes(actor.role, access) ? undefined : 'not_allowed';
}
