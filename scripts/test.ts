import { existsSync, globSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { pathToFileURL } from 'node:url';
import { buildWeb, isBuilt } from './build-web.ts';
import { countsText, type FileReport, reportFile } from './test-report.ts';

/** The tests start pools and transcode: more files at once than this only wait for each other. */
const FILES_AT_ONCE = 2;
/** Files that may run a second time. */
const AGAIN_MAX = 4;
/**
 * The demo and the simulation take minutes on a small machine; a file that hangs takes for ever. Each
 * seed of the crash matrix takes as long again: three took 26 minutes beside other work.
 */
const FILE_MS_MAX = 10 * 60_000 * Math.max(1, Number(process.env.CRASH_SEEDS ?? 1));

const ROOT = join(import.meta.dirname, '..');
const AHEAD = pathToFileURL(join(import.meta.dirname, 'test-process.ts')).href;
const USAGE = `npm test -- [PATH …] [--name PATTERN]
Runs the test files beside the code and under test/, or those whose path holds one of the words.`;

interface Wanted {
  readonly files: readonly string[];
  readonly name: string | undefined;
}

/** Every test file that is asked for, in a fixed order. */
export function testFiles(words: readonly string[]): readonly string[] {
  const every = globSync(['src/**/*.test.ts', 'test/**/*.test.ts'], { cwd: ROOT }).sort();
  if (words.length === 0) return every;
  const asked = words.map((word) => relative(ROOT, join(process.cwd(), word)));
  return every.filter((file) =>
    words.some((word, index) => file.includes(word) || isWithin(file, asked[index] as string)),
  );
}

function isWithin(file: string, path: string): boolean {
  const whole = join(ROOT, path);
  if (!existsSync(whole)) return false;
  return file === path || (statSync(whole).isDirectory() && file.startsWith(`${path}/`));
}

function readArguments(args: readonly string[]): Wanted | undefined {
  const words: string[] = [];
  let name: string | undefined;
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] as string;
    if (arg === '--name' && args[index + 1] !== undefined) {
      index += 1;
      name = args[index];
    } else if (arg.startsWith('-')) return undefined;
    else words.push(arg);
  }
  return { files: testFiles(words), name };
}

async function main(): Promise<number> {
  const wanted = readArguments(process.argv.slice(2));
  if (!wanted || wanted.files.length === 0) {
    console.error(wanted ? `No test file has such a path.\n${USAGE}` : USAGE);
    return 2;
  }
  // The pools of the tests serve pages.
  if (!isBuilt()) await buildWeb();
  const files = wanted.files.map((file) => join(ROOT, file));
  const { total, unsteady } = await runFiles(files, wanted.name);
  for (const file of unsteady) console.log(`unsteady: ${relative(ROOT, file)}`);
  console.log(countsText(total));
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

/** What became of all files. */
export interface AllReport {
  readonly total: Pick<FileReport, 'passed' | 'failed' | 'skipped'>;
  /** Files that failed beside another one and passed alone. */
  readonly unsteady: readonly string[];
}

/**
 * Runs files side by side and prints what became of each. One that fails beside another runs once
 * more, alone: what starved it of time fails nobody, while a test that is wrong fails again. Where
 * more than a few failed, something is wrong with all, and the first word holds.
 */
export async function runFiles(files: readonly string[], name?: string): Promise<AllReport> {
  const reports = new Map<string, FileReport>();
  const one = async (file: string) => {
    const report = await runFile(file, name);
    reports.set(file, report);
    process.stdout.write(report.text);
  };
  const waiting = [...files];
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) await one(file);
  };
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, work));

  const failed = () => files.filter((file) => (reports.get(file)?.failed ?? 0) > 0);
  const again = files.length > 1 && failed().length <= AGAIN_MAX ? failed() : [];
  if (again.length > 0) console.log('Once more, alone:');
  for (const file of again) await one(file);
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const report of reports.values()) {
    total.passed += report.passed;
    total.failed += report.failed;
    total.skipped += report.skipped;
  }
  return { total, unsteady: again.filter((file) => !failed().includes(file)) };
}

/** Runs one file in a process of its own, and ends that process when it takes too long. */
export async function runFile(file: string, name?: string): Promise<FileReport> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), FILE_MS_MAX);
  const events = run({
    files: [file],
    concurrency: 1,
    timeout: FILE_MS_MAX,
    // A handle that is left open must not hold a file of passed tests until its time is up.
    forceExit: true,
    execArgv: ['--import', AHEAD],
    signal: deadline.signal,
    cwd: ROOT,
    ...(name === undefined ? {} : { testNamePatterns: [new RegExp(name)] }),
  });
  try {
    return await reportFile(events, file, ROOT);
  } finally {
    clearTimeout(timer);
  }
}

if (import.meta.main) process.exitCode = await main();
