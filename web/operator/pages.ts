import type { Page } from '../page.ts';
import { auditPage } from './audit.tsx';
import { chainPage } from './chain.tsx';
import { disputePage } from './dispute.tsx';
import { disputesPage } from './disputes.tsx';
import { incidentsPage } from './incidents.tsx';
import { noticesPage } from './notices.tsx';
import { overviewPage } from './overview.tsx';
import { payoutsPage } from './payouts.tsx';
import { peoplePage } from './people.tsx';
import { planPage } from './plan.tsx';
import { pricesPage } from './prices.tsx';
import { signInPage } from './sign-in.tsx';
import { solvencyPage } from './solvency.tsx';
import { termsPage } from './terms.tsx';
import { trafficPage } from './traffic.tsx';
import { workerPage } from './worker.tsx';
import { workersPage } from './workers.tsx';

/** What operators see, on the admin address. */
export const operatorPages: readonly Page[] = [
  signInPage,
  overviewPage,
  workersPage,
  workerPage,
  trafficPage,
  pricesPage,
  payoutsPage,
  planPage,
  solvencyPage,
  disputesPage,
  disputePage,
  termsPage,
  incidentsPage,
  noticesPage,
  chainPage,
  auditPage,
  peoplePage,
];
