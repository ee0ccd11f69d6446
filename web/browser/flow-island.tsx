import { render } from 'preact';
import type { PoolView } from '../../src/api/pool-view.ts';
import { FlowDrawing, type FlowView, flowOf } from '../parts/flow.tsx';
import { Stale } from '../parts/state.tsx';
import type { Wake } from './islands.ts';
import { followLive } from './live.ts';
import { localText } from './local-times.ts';

/** The river as it flows: redrawn in place, once a second at most; nothing slides. */
export const wake: Wake = (element, props) => {
  let view = props as FlowView;
  let stale: Date | undefined;
  const draw = () => {
    render(
      <>
        <FlowDrawing view={view} />
        {stale && <Stale>This is from {localText(stale, 'full')}: the pool does not answer.</Stale>}
      </>,
      element,
    );
  };
  element.textContent = '';
  draw();
  followLive<PoolView>('/api/v1/live', {
    onValue(pool) {
      view = flowOf(pool);
      draw();
    },
    onStale(since) {
      if (since === stale) return;
      stale = since;
      draw();
    },
  });
};
