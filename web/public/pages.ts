import type { Page } from '../page.ts';
import { apiNounPage, apiPage } from './api-docs.tsx';
import { docPage, docsPage } from './docs.tsx';
import { epochPage } from './epoch.tsx';
import { epochsPage } from './epochs.tsx';
import { homePage } from './home.tsx';
import { incidentPage, incidentsPage } from './incidents.tsx';
import { joinPage } from './join.tsx';
import { payoutsPage } from './payouts.tsx';
import { proofsPage } from './proofs.tsx';
import { termsListPage, termsPage } from './terms.tsx';
import { workerEpochPage } from './worker-epoch.tsx';

/** What everybody may read. */
export const publicPages: readonly Page[] = [
  homePage,
  termsListPage,
  termsPage,
  epochsPage,
  epochPage,
  workerEpochPage,
  payoutsPage,
  proofsPage,
  incidentsPage,
  incidentPage,
  joinPage,
  docsPage,
  apiPage,
  apiNounPage,
  docPage,
];
