import { AV_BUFFERSRC_FLAG_KEEP_REF } from 'node-av/constants';
import { Filter, type FilterContext, FilterGraph, Frame } from 'node-av/lib';
import { check, END_OF_FILE, MediaFault, TRY_AGAIN } from './ffmpeg.ts';
import type { GpuDevice } from './gpu.ts';

/** One filter and its arguments, as `ffmpeg -vf` would take them. */
export interface FilterStep {
  readonly name: string;
  readonly args?: string;
  /** Options that need no escaping this way, such as file names. */
  readonly options?: Readonly<Record<string, string>>;
  /** The filter makes frames on this GPU. */
  readonly gpu?: GpuDevice | undefined;
}

export interface FilterChain extends Disposable {
  /** Feeds one frame and hands out every frame that comes out of it. */
  push(frame: Frame, out: (frame: Frame) => boolean): void;
  /** Ends the input and hands out the rest. `out` answers false to stop early. */
  end(out: (frame: Frame) => boolean): void;
  readonly timeBase: { readonly num: number; readonly den: number };
}

/**
 * A straight row of filters for frames like `first`. Throws {@link MediaFault} `Error initializing
 * filtergraph` when FFmpeg refuses it.
 */
export function openFilterChain(
  first: Frame,
  timeBase: { readonly num: number; readonly den: number },
  steps: readonly FilterStep[],
): FilterChain {
  const graph = new FilterGraph();
  graph.alloc();
  const received = new Frame();
  received.alloc();
  const close = () => {
    received.free();
    graph.free();
  };
  try {
    const source = add(graph, 'in', { name: 'buffer' }, (filter) => {
      check(
        filter.buffersrcParametersSet({
          width: first.width,
          height: first.height,
          format: first.format,
          timeBase,
          sampleAspectRatio: first.sampleAspectRatio,
          colorRange: first.colorRange,
          colorSpace: first.colorSpace,
          hwFramesCtx: first.hwFramesCtx,
        }),
      );
    });
    let last = source;
    steps.forEach((step, index) => {
      const filter = add(graph, `f${index}`, step);
      check(last.link(0, filter, 0));
      last = filter;
    });
    const sink = add(graph, 'out', { name: 'buffersink' });
    check(last.link(0, sink, 0));
    check(graph.configSync());
    const tb = sink.buffersinkGetTimeBase();
    return {
      timeBase: { num: tb.num, den: tb.den },
      push(frame, out) {
        // Keeps the caller's reference: the same frame goes to several chains.
        check(source.buffersrcAddFrameSync(frame, AV_BUFFERSRC_FLAG_KEEP_REF));
        pull(sink, received, out);
      },
      end(out) {
        check(source.buffersrcAddFrameSync(null));
        pull(sink, received, out);
      },
      [Symbol.dispose]: close,
    };
  } catch (error) {
    close();
    throw error instanceof MediaFault
      ? new MediaFault('Error initializing filtergraph', { cause: error })
      : error;
  }
}

function add(
  graph: FilterGraph,
  label: string,
  step: FilterStep,
  prepare?: (filter: FilterContext) => void,
): FilterContext {
  const kind = Filter.getByName(step.name);
  const filter = kind && graph.allocFilter(kind, label);
  if (!filter) throw new MediaFault(`Filter not found: ${step.name}`);
  if (step.gpu) filter.hwDeviceCtx = step.gpu.context;
  prepare?.(filter);
  for (const [name, value] of Object.entries(step.options ?? {})) {
    check(filter.setOption(name, value));
  }
  check(filter.initStr(step.args ?? null));
  return filter;
}

function pull(sink: FilterContext, frame: Frame, out: (frame: Frame) => boolean): void {
  for (;;) {
    const code = sink.buffersinkGetFrameSync(frame);
    if (code === TRY_AGAIN || code === END_OF_FILE) return;
    check(code);
    const more = out(frame);
    frame.unref();
    if (!more) return;
  }
}
