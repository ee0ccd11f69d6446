/** A running fingerprint of everything that happened, and, when asked for, the text of it. */
export interface Trace {
  note(at: number, ...parts: readonly (string | number | bigint)[]): void;
  readonly hash: string;
}

/** FNV-1a over two lanes: not secret, only different when anything is. */
export function createTrace(print?: (line: string) => void): Trace {
  let low = 0x811c9dc5;
  let high = 0x01000193;
  return {
    note(at, ...parts) {
      const line = `${at.toFixed(3)} ${parts.join(' ')}`;
      for (let i = 0; i < line.length; i++) {
        const code = line.charCodeAt(i);
        low = Math.imul(low ^ code, 0x01000193);
        high = Math.imul(high ^ (code + 0x9e), 0x0100019d);
      }
      print?.(line);
    },
    get hash() {
      return (low >>> 0).toString(16).padStart(8, '0') + (high >>> 0).toString(16).padStart(8, '0');
    },
  };
}
