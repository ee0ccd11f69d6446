import { pino } from 'pino';
import type { ConnectionId, JobId, SessionId, WorkerId } from './ids.ts';

/**
 * The names that a log line may carry. There is no field for an address, a URL, a secret or a
 * free object, so one of those does not compile.
 */
export interface LogFields {
  readonly worker?: WorkerId;
  readonly name?: string;
  readonly connection?: ConnectionId;
  readonly job?: JobId;
  readonly session?: SessionId;
  readonly attempt?: number;
  readonly reason?: string;
  readonly code?: string;
  readonly status?: number;
  readonly route?: string;
  readonly count?: number;
  readonly capacity?: number;
  readonly pixels?: bigint;
  readonly bytes?: number;
  readonly ms?: number;
  readonly port?: number;
  readonly version?: string;
  readonly device?: string;
  readonly signal?: string;
  readonly migration?: string;
  /** Text of an error that is known to hold no secret, address or URL. */
  readonly error?: string;
}

/** Events, not prose: `log.info('segment_credited', { worker, pixels, ms })`. */
export interface Log {
  /** Wakes a person. */
  error(event: string, fields?: LogFields): void;
  /** Will wake a person soon. */
  warn(event: string, fields?: LogFields): void;
  /** A state change. */
  info(event: string, fields?: LogFields): void;
  debug(event: string, fields?: LogFields): void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Lines of JSON on standard error; standard output belongs to the commands. */
export function createLog(options: { level: LogLevel; program: string }): Log {
  const out = pino(
    {
      level: options.level,
      base: { program: options.program },
      messageKey: 'event',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: true }),
  );
  const write = (level: Exclude<LogLevel, 'silent'>) => (event: string, fields?: LogFields) => {
    if (!out.isLevelEnabled(level)) return;
    const { pixels, ...rest } = fields ?? {};
    out[level](pixels === undefined ? rest : { ...rest, pixels: pixels.toString() }, event);
  };
  return { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') };
}

/** Says nothing: for tests and benches. */
export const quiet: Log = { error() {}, warn() {}, info() {}, debug() {} };
