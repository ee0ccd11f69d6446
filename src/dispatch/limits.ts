import type { DispatchLimits } from './dispatch-types.ts';

/** What the pool uses unless told otherwise; every time is in milliseconds. */
export const DEFAULT_LIMITS: DispatchLimits = {
  // Three workers that fail on one segment say more about the segment than about the workers.
  attemptsMax: 3,
  // wire: go-livepeer core/orchestrator.go getSegmentChan: one running, a buffer of four.
  queueMax: 4,
  // wire: go-livepeer core/orchestrator.go transcodeSegmentLoop: a session ends after 70 s idle.
  sessionIdleMs: 70_000,
  // A new TLS connection and a garbage collection together fit in it; less would blame the network.
  softDeadlineMinMs: 1_000,
  // A second transcode costs more than a wait this short.
  hedgeMinMs: 400,
  // Extra work the pool pays to cut the tail, from the promise of at most 3 %.
  hedgeShare: 0.03,
  // Unused budget kept: a slow minute may use what a quiet hour saved, but not more than this.
  hedgeBurst: 8,
  // Our worker reconnects within it; a gateway has 8 s at least and still gets one full attempt.
  workerWaitMs: 2_000,
  // A stock transcoder's first three back-offs (0.5 s, x 1.5, +- 50 %) end within it.
  reconnectWindowMs: 10_000,
  // About two segments: a hiccup costs little, and doubling reaches the greatest in eight steps.
  quarantineBaseMs: 5_000,
  // A repaired worker is back after a coffee.
  quarantineMaxMs: 600_000,
  // When more than half of the workers fail, the cause is hardly theirs.
  quarantineShareMax: 0.5,
};
