import { existsSync } from 'node:fs';
import { TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { exitCode, type Io } from '../../base/terminal.ts';
import { loadTerms } from '../../terms/load.ts';
import { defaultTerms } from '../../terms/terms.ts';
import { workRows } from './csv.ts';
import { ticketRows } from './go-livepeer.ts';
import { reckon } from './reckon.ts';
import { importCommand } from './settings.ts';
import { openShadowBook } from './shadow-book.ts';
import { shadowCsv, shadowJson, shadowView } from './views.ts';

/** `tributary import`: pays nothing, and touches no running pool. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(importCommand, args, io);
  if (!settings) return exitCode.ok;
  const { csv, goLivepeer, book: path, terms: file, shadow, json, asCsv } = settings.values;
  // Before anything is read: who has a fault in its terms has imported nothing yet.
  const terms = file === undefined ? defaultTerms : await loadTerms(file);
  if (csv === undefined && goLivepeer === undefined && !existsSync(path)) {
    const message = `There is no shadow book at ${path}; --csv or --go-livepeer makes one.`;
    throw new TributaryError('input_missing', message);
  }
  using book = openShadowBook(path);
  const imported =
    csv === undefined
      ? goLivepeer && (await book.addTickets(ticketRows(goLivepeer)))
      : await book.addWork(workRows(csv));
  const isReckoned = shadow || file !== undefined;
  const reckoned = isReckoned ? reckon(book, terms) : undefined;
  if (json) {
    const value = { book: path, ...(imported ? { imported } : {}) };
    print(io, textOf(reckoned ? { ...value, ...shadowJson(reckoned) } : value));
    return exitCode.ok;
  }
  if (reckoned && asCsv) {
    print(io, shadowCsv(reckoned));
    return exitCode.ok;
  }
  if (imported) {
    const { added, known } = imported;
    const rows = csv === undefined ? 'winning tickets' : 'lines of work';
    print(io, `${added} ${rows} are new in ${path}, ${known} were there already.`);
  }
  if (reckoned) print(io, shadowView(io, reckoned, terms));
  else
    print(io, 'Nothing of it is ever paid. See what terms would have paid: --shadow --terms FILE');
  return exitCode.ok;
}

function textOf(value: object): string {
  return JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? `${each}` : each));
}

function print(io: Io, text: string): void {
  io.stdout.write(`${text}\n`);
}
