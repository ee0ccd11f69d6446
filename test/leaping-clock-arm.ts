import { registerHooks } from 'node:module';

// `node --import test/leaping-clock-arm.ts` runs the program with a clock that a test moves in the
// place of the machine's. `NODE_OPTIONS` carries it to the processes that the program starts.

const shipped = new URL('../src/base/clock.ts', import.meta.url).href;
const leaping = new URL('./leaping-clock.ts', import.meta.url).href;
const standsOnIt = new Set([leaping, new URL('./travelling-clock.ts', import.meta.url).href]);

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const swap = resolved.url === shipped && !standsOnIt.has(context.parentURL ?? '');
    return swap ? { ...resolved, url: leaping } : resolved;
  },
});
