import type { Frame } from 'node-av/lib';
import { openFilterChain } from './filter-chain.ts';
import type { Scratch } from './scratch.ts';

/** The MPEG-7 video signature of a row of frames, in the binary form of FFmpeg's filter. */
export interface Signature extends Disposable {
  add(frame: Frame): void;
  /** The signature of all frames added. */
  finish(): Uint8Array;
}

/**
 * Computes what stock transcoders post as perceptual hash (wire: lpms `signature=filename=…` over
 * the scaled frames). The filter can only write to a file, so it gets one in the scratch folder.
 */
export function openSignature(
  first: Frame,
  timeBase: { readonly num: number; readonly den: number },
  scratch: Scratch,
  name: string,
): Signature {
  const steps = first.hwFramesCtx
    ? [{ name: 'hwdownload' }, { name: 'format', args: 'pix_fmts=nv12' }]
    : [];
  const chain = openFilterChain(first, timeBase, [
    ...steps,
    { name: 'signature', options: { filename: scratch.path(name) } },
  ]);
  let open = true;
  const close = () => {
    if (open) chain[Symbol.dispose]();
    open = false;
  };
  return {
    add: (frame) => chain.push(frame, () => true),
    finish() {
      chain.end(() => true);
      close();
      return scratch.read(name);
    },
    [Symbol.dispose]: close,
  };
}
