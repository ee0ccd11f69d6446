import type { Log } from '../../src/base/log.ts';

/** A log that keeps what would wake a person: hostile input never may. */
export interface FaultLog extends Log {
  readonly faults: readonly string[];
}

export function createFaultLog(): FaultLog {
  const faults: string[] = [];
  return {
    faults,
    error(event, fields) {
      faults.push(`${event} ${fields?.error ?? fields?.reason ?? ''}`);
    },
    warn() {},
    info() {},
    debug() {},
  };
}
