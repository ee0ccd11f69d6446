import { registerHooks } from 'node:module';

// `node --import test/crash/arm.ts` runs the program with another crash-point module in the place of
// the one that does nothing. `NODE_OPTIONS` carries it to the processes that the program starts.

const shipped = new URL('../../src/base/crash-point.ts', import.meta.url).href;
const armed = new URL('./armed-crash-point.ts', import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    return resolved.url === shipped ? { ...resolved, url: armed } : resolved;
  },
});
