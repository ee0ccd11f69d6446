import type { z } from 'zod';
import type { incidentView } from '../../src/api/measured-views.ts';
import type { poolHistoryApi } from '../../src/api/pool-history-routes.ts';

// What routes of the API answer with, as their definitions say.

/** An incident or planned work. */
export type IncidentView = z.output<typeof incidentView>;
/** An hour or a day of the pool. */
export type HistoryStep = z.output<typeof poolHistoryApi.read.reply>[number];
/** What hardware of a class earned here, or why nothing can be said. */
export type EstimateView = z.output<typeof poolHistoryApi.estimate.reply>;
