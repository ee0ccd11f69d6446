import type { Page } from '../page.ts';
import { aboutPage } from './about.tsx';
import { comparePage } from './compare.tsx';
import { listPage } from './list.tsx';
import { poolPage } from './pool.tsx';

/** What `tributary directory` shows. */
export const directoryPages: readonly Page[] = [listPage, poolPage, comparePage, aboutPage];
