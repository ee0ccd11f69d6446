import type { Page } from '../page.ts';
import { overviewPage } from './overview.tsx';
import { linkPage, signInPage } from './sign-in.tsx';

/** What workers see of themselves. */
export const workerPages: readonly Page[] = [signInPage, linkPage, overviewPage];
