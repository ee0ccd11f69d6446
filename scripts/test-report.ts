import { relative } from 'node:path';
import type { EventData, TestsStream } from 'node:test';
import { inspect } from 'node:util';

/** What became of the tests of one file, and what a person should read about it. */
export interface FileReport {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly text: string;
}

/** How much of what a failed file printed is shown, from its end: the cause stands last. */
const OUTPUT_CHARACTERS_MAX = 20_000;

/**
 * Follows the tests of one file to their end. A test of tests counts itself only when it fails by
 * itself; a file that dies before or between its tests is one failure, and so is one whose results
 * did not all come.
 */
export async function reportFile(
  events: TestsStream,
  file: string,
  root: string,
): Promise<FileReport> {
  const failures: string[] = [];
  const parents: string[] = [];
  const shownName = relative(root, file);
  let [passed, failed, skipped, output, ms] = [0, 0, 0, '', 0];
  let came = 0;
  /** Tests that the file's own process counted; undefined until it has said so, as its last word. */
  let counted: number | undefined;

  for await (const { type, data } of events as AsyncIterable<TestEvent>) {
    switch (type) {
      case 'test:start':
        parents.length = data.nesting;
        parents.push(data.name);
        break;
      case 'test:pass':
        if (isTest(data, file)) came += 1;
        if (data.skip !== undefined || data.todo !== undefined) skipped += 1;
        else if (isTest(data, file)) passed += 1;
        break;
      case 'test:fail': {
        const { failureType } = data.details.error as { failureType?: string };
        if (isTest(data, file)) came += 1;
        if (data.todo !== undefined) skipped += 1;
        else if (failureType !== 'subtestsFailed') {
          failed += 1;
          const name =
            data.name === file ? shownName : parents.slice(0, data.nesting + 1).join(' › ');
          failures.push(failureText(name, data, root));
        }
        break;
      }
      case 'test:stdout':
      case 'test:stderr':
        output = (output + data.message).slice(-OUTPUT_CHARACTERS_MAX);
        break;
      case 'test:summary':
        if (data.file === undefined) ms = data.duration_ms;
        else counted = data.counts.tests;
        break;
      default:
        break;
    }
  }
  if (failed === 0 && came !== counted) {
    failed = 1;
    failures.push(`\n  ${lostText(came, counted)}\n`);
  }
  const counts = countsText({ passed, failed, skipped });
  const head = `${failed > 0 ? 'FAILED' : 'ok    '} ${shownName}: ${counts} in ${(ms / 1000).toFixed(1)} s\n`;
  const printed =
    failed > 0 && output.trim() !== '' ? `\n  It printed:\n${indented(output)}\n` : '';
  return { passed, failed, skipped, text: head + failures.join('') + printed };
}

/** Suites and the file itself are reported, too. */
function isTest(data: EventData.TestPass | EventData.TestFail, file: string): boolean {
  return data.details.type !== 'suite' && data.name !== file;
}

function lostText(came: number, counted: number | undefined): string {
  return counted === undefined
    ? `The process ended after ${came} results and did not say how many there are.`
    : `${came} of ${counted} results came; the others were lost.`;
}

/** `12 passed, 0 failed`, and how many were skipped where some were. */
export function countsText(counts: Pick<FileReport, 'passed' | 'failed' | 'skipped'>): string {
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
  return `${counts.passed} passed, ${counts.failed} failed${skipped}`;
}

/** The events that matter here; Node's types name each in a method of its own. */
type TestEvent =
  | { readonly type: 'test:start'; readonly data: EventData.TestStart }
  | { readonly type: 'test:pass'; readonly data: EventData.TestPass }
  | { readonly type: 'test:fail'; readonly data: EventData.TestFail }
  | { readonly type: 'test:stdout' | 'test:stderr'; readonly data: { readonly message: string } }
  | {
      readonly type: 'test:summary';
      readonly data: Pick<EventData.TestSummary, 'file' | 'counts' | 'duration_ms'>;
    };

function failureText(name: string, data: EventData.TestFail, root: string): string {
  const { error } = data.details;
  const place =
    data.file && data.line ? ` (${relative(root, data.file)}:${data.line}:${data.column})` : '';
  // The wrapper says only "test failed"; its cause is what was thrown.
  const thrown = error.cause instanceof Error ? error.cause : error;
  return `\n  ${name}${place}\n${indented(inspect(thrown, { depth: 8 }))}\n`;
}

function indented(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}
