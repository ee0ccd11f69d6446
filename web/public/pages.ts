import type { Page } from '../page.ts';
import { homePage } from './home.tsx';

/** What everybody may read. */
export const publicPages: readonly Page[] = [homePage];
