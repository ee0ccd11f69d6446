import { render } from 'preact';
import type { PoolView } from '../../src/api/pool-view.ts';
import { FlowDrawing, flowOf } from '../parts/flow.tsx';
import type { Wake } from './islands.ts';
import { followLive } from './live.ts';

/** The river as it flows: redrawn in place, once a second at most; nothing slides. */
export const wake: Wake = (element) => {
  let isMine = false;
  followLive<PoolView>('/api/v1/live', {
    onValue(pool) {
      // Until the first value there stands what the server drew.
      if (!isMine) element.textContent = '';
      isMine = true;
      render(<FlowDrawing view={flowOf(pool)} />, element);
    },
  });
};
