import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'tributary-media-';

/** A folder of its own for the files of one piece of work; only this user can read it. */
export interface Scratch extends Disposable {
  /** Where a file of that name is or will be. */
  path(name: string): string;
  write(name: string, bytes: Uint8Array): string;
  read(name: string): Uint8Array<ArrayBuffer>;
}

/**
 * FFmpeg reads and writes files here, which live for a second in the page cache. Callbacks into
 * memory were tried: node-av 6.1 leaks the buffer of each one (256 KiB) and hangs a thread that is
 * ended while one exists; files cost 1 ms a segment.
 */
export function openScratch(): Scratch {
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  const path = (name: string) => join(folder, name);
  return {
    path,
    write(name, bytes) {
      // A copy where the memory is shared: another thread could change it while it is written.
      const own = bytes.buffer instanceof ArrayBuffer ? bytes : Uint8Array.from(bytes);
      writeFileSync(path(name), own);
      return path(name);
    },
    read: (name) => new Uint8Array(readFileSync(path(name))),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Removes what processes left behind that were killed at work. */
export function sweepScratch(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const pid = Number.parseInt(name.slice(PREFIX.length), 10);
    if (!Number.isSafeInteger(pid) || pid === process.pid || isAlive(pid)) continue;
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is alive too; its folder is not ours to remove.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
