/** A stretch of time, and how much of it something was there. */
export interface Watched {
  /** Milliseconds; nothing before anybody looked. */
  readonly upMs?: number | null | undefined;
  readonly downMs?: number | null | undefined;
  /** Of the time down: as planned, and announced before. */
  readonly plannedMs: number;
}

/** Uptime as the SLA counts it: planned work that was announced before is left out of both sides. */
export interface Uptime {
  /** From 0 to 1; undefined before anything was measured. */
  readonly share: number | undefined;
  readonly downMs: number;
  readonly plannedMs: number;
  /** For how long it was measured. */
  readonly measuredMs: number;
}

/** The uptime of several stretches: the one rule for pages, metrics and alerts. */
export function uptimeOf(stretches: readonly Watched[]): Uptime {
  let [up, down, planned] = [0, 0, 0];
  for (const { upMs, downMs, plannedMs } of stretches) {
    up += upMs ?? 0;
    down += Math.max(0, (downMs ?? 0) - plannedMs);
    planned += plannedMs;
  }
  const measuredMs = up + down;
  const share = measuredMs === 0 ? undefined : up / measuredMs;
  return { share, downMs: down, plannedMs: planned, measuredMs };
}
