import type { Io } from './terminal.ts';

/** A terminal for a test of a command: nobody looks at it, and what is printed is kept. */
export function keptIo(env: Io['env'] = {}): { readonly io: Io; out(): string; err(): string } {
  const kept = { out: '', err: '' };
  const into = (key: 'out' | 'err') => ({
    write(text: string) {
      kept[key] += text;
    },
  });
  const io = { stdout: into('out'), stderr: into('err'), env, isTty: false, columns: 100 };
  return { io, out: () => kept.out, err: () => kept.err };
}
