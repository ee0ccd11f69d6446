import type { AcknowledgeOutcome, RefuseReason } from '../dispatch/dispatch-types.ts';

/** A plain text reply as Go's http.Error writes it; the listener answers with the same. */
export { reply as plain } from '../http/context.ts';

/** What a worker is told when its answer is not read. Stock transcoders log any status and go on. */
export const refusals: Readonly<Record<RefuseReason, { status: number; text: string }>> = {
  unknown_task: { status: 404, text: 'this task is not known; it may be from before a restart' },
  not_your_task: { status: 403, text: 'this task belongs to another worker' },
  already_answered: { status: 409, text: 'this task was already answered' },
  too_late: { status: 410, text: 'this task was given up; the answer came too late' },
  revoked: { status: 403, text: 'this worker is revoked' },
};

/** What a worker is told about an answer that was read. */
export const acknowledgements: Readonly<
  Record<AcknowledgeOutcome, { status: number; text: string }>
> = {
  stored: { status: 200, text: 'OK' },
  duplicate: { status: 200, text: 'OK' },
  rejected: { status: 200, text: 'OK' },
  not_needed: { status: 200, text: 'OK' },
  not_stored: { status: 503, text: 'the result could not be stored; it is not credited' },
};
