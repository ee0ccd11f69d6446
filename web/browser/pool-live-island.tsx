import { render } from 'preact';
import {
  type LivePool,
  livePartOf,
  PoolFigures,
  type PoolFiguresView,
} from '../public/pool-figures.tsx';
import type { Wake } from './islands.ts';
import { followLive, tint } from './live.ts';
import { localTimes } from './local-times.ts';

/** The figures of the first page as they are now: values change in their places, tinted for a moment. */
export const wake: Wake = (element, props) => {
  const { past } = props as PoolFiguresView;
  let shown = JSON.stringify((props as PoolFiguresView).pool);
  let isMine = false;
  followLive<LivePool>('/api/v1/live', {
    onValue(value) {
      const pool = livePartOf(value);
      const text = JSON.stringify(pool);
      if (text === shown) return;
      shown = text;
      const before = texts(element);
      // Until the first change there stands what the server rendered.
      if (!isMine) element.textContent = '';
      isMine = true;
      render(<PoolFigures of={{ pool, past }} />, element);
      localTimes(element);
      for (const [at, cell] of cells(element).entries()) {
        if (cell.textContent !== before[at]) tint(cell);
      }
    },
  });
};

function cells(element: HTMLElement): readonly HTMLElement[] {
  return [...element.querySelectorAll<HTMLElement>('dd')];
}

function texts(element: HTMLElement): readonly (string | null)[] {
  return cells(element).map(({ textContent }) => textContent);
}
