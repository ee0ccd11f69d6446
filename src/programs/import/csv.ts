import { parseAmount } from '../../base/amounts.ts';
import { TributaryError } from '../../base/errors.ts';
import { linesOf } from './lines.ts';
import type { WorkRow } from './shadow-book.ts';

/** So many faults are named; who has more corrects these first. */
const FAULTS_MAX = 10;
/** Units of one line: more than any farm does in a year. */
const UNITS_MAX = 10n ** 16n;
const COUNT_MAX = 10n ** 12n;
/** 2009 to 2100: before, nobody was paid by tickets; later is a mistake. */
const [TIME_MIN, TIME_MAX] = [1_230_768_000_000, 4_102_444_800_000];

/** What a column can be, by the names that files give it. */
const NAMES = {
  worker: ['worker', 'worker_id', 'name', 'node', 'transcoder', 'machine'],
  time: ['time', 'timestamp', 'date', 'at', 'created_at'],
  units: ['units', 'pixels', 'work'],
  jobs: ['jobs', 'segments', 'count'],
  source: ['source_seconds', 'duration', 'seconds'],
  device: ['device_seconds', 'transcode_seconds'],
  failed: ['failed', 'failures', 'failed_attempts'],
  fee: ['fee', 'fee_eth', 'eth'],
  wei: ['fee_wei', 'wei'],
  id: ['id', 'job', 'job_id'],
} as const;
type Column = keyof typeof NAMES;

/** The columns of a file without a header. */
const PLAIN: readonly Column[] = ['worker', 'time', 'units'];

/** One thing that is wrong, with its line. */
export interface LineFault {
  readonly line: number;
  readonly text: string;
}

/**
 * The rows of a CSV, one after the other. Throws `import_wrong` at its end, with the lines, when any
 * was wrong: whoever writes them somewhere takes them back then.
 */
export async function* workRows(path: string): AsyncGenerator<WorkRow> {
  const faults: LineFault[] = [];
  let columns: readonly (Column | undefined)[] | undefined;
  let separator = ',';
  let count = 0;
  for await (const { number, text } of linesOf(path)) {
    const line = number === 1 ? text.replace(/^\ufeff/, '') : text;
    if (line.trim() === '') continue;
    if (!columns) {
      separator = separatorOf(line);
      const fields = split(line, separator) ?? [];
      columns = headerOf(fields);
      if (columns) continue;
      columns = PLAIN;
    }
    const row = rowOf(columns, split(line, separator));
    if (typeof row !== 'string') {
      count += 1;
      // After a fault nothing is kept, so nothing more is handed on.
      if (faults.length === 0) yield row;
      continue;
    }
    faults.push({ line: number, text: row });
    if (faults.length >= FAULTS_MAX) break;
  }
  if (faults.length > 0) throw faulty(path, faults);
  if (count === 0) throw new TributaryError('import_wrong', `${path} holds no work.`);
}

function faulty(path: string, faults: readonly LineFault[]): TributaryError {
  const lines = faults.map(({ line, text }) => `  line ${line}: ${text}`);
  const more = faults.length >= FAULTS_MAX ? ['  … and perhaps more'] : [];
  const message = [`${path} was not imported:`, ...lines, ...more].join('\n');
  return new TributaryError('import_wrong', message);
}

function separatorOf(line: string): string {
  const found = [',', ';', '\t'].map((each) => [each, line.split(each).length] as const);
  return found.reduce((best, each) => (each[1] > best[1] ? each : best))[0];
}

/** Undefined where the first line is work already. Throws `import_wrong` for a header that lacks something. */
function headerOf(fields: readonly string[]): readonly (Column | undefined)[] | undefined {
  const columns = fields.map((field) => {
    const name = field.trim().toLowerCase().replaceAll(/[ -]/g, '_');
    return (Object.keys(NAMES) as Column[]).find((column) =>
      (NAMES[column] as readonly string[]).includes(name),
    );
  });
  if (columns.every((column) => column === undefined)) return undefined;
  const missing = PLAIN.filter((column) => !columns.includes(column));
  const named = columns.filter((column) => column !== undefined);
  const twice = named.find((column, at) => named.indexOf(column) !== at);
  if (missing.length === 0 && !twice) return columns;
  const text = twice
    ? `Two columns hold the ${twice}.`
    : `The header has no column for ${missing.join(' and ')}: ${missing.map((one) => NAMES[one].join(', ')).join('; ')}.`;
  throw new TributaryError('import_wrong', text);
}

/** The fields of a line; undefined when its quotes do not end. */
function split(line: string, separator: string): readonly string[] | undefined {
  if (!line.includes('"')) return line.split(separator);
  const fields: string[] = [];
  let value = '';
  let quoted = false;
  for (let at = 0; at < line.length; at += 1) {
    const letter = line[at] as string;
    if (quoted) {
      if (letter !== '"') value += letter;
      else if (line[at + 1] === '"') {
        value += '"';
        at += 1;
      } else quoted = false;
    } else if (letter === '"' && value === '') quoted = true;
    else if (letter === separator) {
      fields.push(value);
      value = '';
    } else value += letter;
  }
  fields.push(value);
  return quoted ? undefined : fields;
}

/** The row of a line, or what is wrong with it. */
function rowOf(
  columns: readonly (Column | undefined)[],
  fields: readonly string[] | undefined,
): WorkRow | string {
  if (!fields) return 'a quote is not closed';
  if (fields.length !== columns.length) {
    return `it has ${fields.length} fields, and there are ${columns.length} columns`;
  }
  const at = (column: Column) => {
    const place = columns.indexOf(column);
    return place < 0 ? '' : (fields[place] as string).trim();
  };
  const worker = at('worker');
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ._@:+-]{0,63}$/u.test(worker)) {
    return 'the worker must be 1 to 64 letters, digits, spaces or ._@:+-';
  }
  const time = timeOf(at('time'));
  if (time === undefined)
    return 'the time must be such as 2026-03-01T12:00:00Z, or seconds since 1970';
  const units = wholeOf(at('units'), UNITS_MAX);
  if (units === undefined) return 'the units must be a whole number';
  const jobs = wholeOf(at('jobs') || '1', COUNT_MAX);
  if (jobs === undefined) return 'the jobs must be a whole number';
  const failed = wholeOf(at('failed') || '0', COUNT_MAX);
  if (failed === undefined) return 'what failed must be a whole number';
  const sourceMs = secondsOf(at('source') || '0');
  const deviceMs = secondsOf(at('device') || '0');
  if (sourceMs === undefined || deviceMs === undefined) return 'seconds must be a number';
  const [eth, wei] = [at('fee'), at('wei')];
  const fee = wei === '' ? parseAmount(eth || '0') : wholeOf(wei, 10n ** 26n);
  if (fee === undefined || fee > 10n ** 26n)
    return 'the fee must be an amount of ETH, or of wei in fee_wei';
  if (wei !== '' && eth !== '') return 'the fee is there twice, in ETH and in wei';
  const id = at('id');
  if (id.length > 128) return 'the id is longer than 128 characters';
  return { worker, at: time, units, jobs, failed, sourceMs, deviceMs, feeWei: fee, id };
}

function wholeOf(text: string, max: bigint): bigint | undefined {
  if (!/^\d{1,30}$/.test(text)) return undefined;
  const value = BigInt(text);
  return value <= max ? value : undefined;
}

function secondsOf(text: string): bigint | undefined {
  if (!/^\d{1,12}(?:\.\d{1,9})?$/.test(text)) return undefined;
  return BigInt(Math.round(Number(text) * 1_000));
}

/** ISO 8601 (UTC where it names no zone), seconds or milliseconds since 1970. */
function timeOf(text: string): number | undefined {
  let ms: number;
  if (/^\d{9,11}(?:\.\d+)?$/.test(text)) ms = Math.floor(Number(text) * 1_000);
  else if (/^\d{12,14}$/.test(text)) ms = Number(text);
  else {
    const match =
      /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?(Z|[+-]\d\d:?\d\d)?$/.exec(text);
    if (!match) return undefined;
    const [, date, time = '00:00', zone = 'Z'] = match;
    ms = Date.parse(`${date}T${time}${zone}`);
    // Date.parse takes a 31st of February for a day in March.
    if (zone === 'Z' && !new Date(ms || 0).toISOString().startsWith(date as string))
      return undefined;
  }
  return ms >= TIME_MIN && ms <= TIME_MAX ? ms : undefined;
}
