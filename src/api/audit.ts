import type { Actor } from './access.ts';
import type { ChangeNote } from './route.ts';

/** A change that somebody asks for. */
export interface Change {
  readonly actor: Actor;
  /** `POST /api/v1/workers`. */
  readonly route: string;
  /** What is changed, as the path names it. */
  readonly target: string;
  /** The body; what may be a secret is hidden before it is stored. */
  readonly asked: Readonly<Record<string, unknown>>;
}

/** Who did what, when: written before it happens, and once more when it is known how it ended. */
export interface AuditLog {
  begin(change: Change): Promise<AuditEntry>;
}

/** An entry whose end is not known yet. */
export interface AuditEntry {
  end(outcome: string, note: ChangeNote): Promise<void>;
}
