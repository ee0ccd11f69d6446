import { useState } from 'preact/hooks';
import { sayFailure } from './post.ts';

/** How the last failure of an island is told. */
export type Failure = ReturnType<typeof sayFailure>;

/** Something that takes a while and may fail: buttons rest meanwhile, and what failed is told. */
export function useStep() {
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | undefined>();
  const step = async (run: () => Promise<void>) => {
    setBusy(true);
    setFailure(undefined);
    try {
      await run();
    } catch (error) {
      setFailure(sayFailure(error));
    } finally {
      setBusy(false);
    }
  };
  return { isBusy, failure, step };
}
