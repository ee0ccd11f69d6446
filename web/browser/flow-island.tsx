import { render } from 'preact';
import { FlowDrawing, type FlowView } from '../parts/flow.tsx';
import type { Wake } from './islands.ts';

/** Draws the river in place as it is; see live.ts for what changes it. */
export const wake: Wake = (element, props) => {
  element.textContent = '';
  render(<FlowDrawing view={props as FlowView} />, element);
};
