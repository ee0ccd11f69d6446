import type { Page } from '../page.ts';
import { disputePage } from './dispute.tsx';
import { newDisputePage } from './dispute-new.tsx';
import { disputesPage } from './disputes.tsx';
import { earningsPage } from './earnings.tsx';
import { evidencePage } from './evidence.tsx';
import { linesPage } from './lines.tsx';
import { machinePage } from './machine.tsx';
import { noticesPage } from './notices.tsx';
import { overviewPage } from './overview.tsx';
import { payoutsPage } from './payouts.tsx';
import { receiptPage, receiptsPage } from './receipts.tsx';
import { settingsPage } from './settings.tsx';
import { linkPage, signInPage } from './sign-in.tsx';
import { statementPage } from './statement.tsx';
import { whyPage } from './why.tsx';

/** What workers see of themselves. */
export const workerPages: readonly Page[] = [
  signInPage,
  linkPage,
  overviewPage,
  machinePage,
  whyPage,
  earningsPage,
  statementPage,
  linesPage,
  receiptsPage,
  receiptPage,
  evidencePage,
  payoutsPage,
  disputesPage,
  newDisputePage,
  disputePage,
  noticesPage,
  settingsPage,
];
