import { stringify } from 'smol-toml';
import { callerOf, findPool } from '../../api/admin-client.ts';
import { TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { createPaint, exitCode, type Io, table } from '../../base/terminal.ts';
import { nodeHashing } from '../../proofs/node-hashing.ts';
import type { TermsDocument } from '../../terms/document.ts';
import { readTermsFile } from '../../terms/file.ts';
import { type PublishedTerms, readPublished } from '../../terms/published.ts';
import { type TermsList, termsClient } from './client.ts';
import { publishCommand, showTermsCommand } from './settings.ts';
import { faultsView, remarksView } from './views.ts';

/** `tributary terms publish`: the pool checks again, signs and keeps them. */
export async function publish(
  args: readonly string[],
  io: Io,
  readSource: (path: string) => Promise<string>,
): Promise<number> {
  const settings = readSettings(publishCommand, args, io);
  if (!settings) return exitCode.ok;
  const { file, startsAtEpoch, json, ...pool } = settings.values;
  const paint = createPaint(io);
  const source = await readSource(file);
  const checked = readTermsFile(source);
  if (!checked.ok) {
    io.stderr.write(`${faultsView(file, checked.faults, paint)}\n`);
    return exitCode.failed;
  }
  const client = termsClient(callerOf(findPool(pool)));
  const published = await client.publish(source, String(startsAtEpoch));
  if (json) {
    io.stdout.write(`${JSON.stringify(published)}\n`);
    return exitCode.ok;
  }
  const { version, startsAtEpoch: start, digest } = published;
  const lines = [
    ...remarksView(checked.remarks, paint),
    `Published as version ${version}: settles epochs from ${start} on; those before keep theirs.`,
    `Signed digest ${digest}`,
  ];
  io.stdout.write(`${lines.join('\n')}\n`);
  return exitCode.ok;
}

/** `tributary terms show`: one version as a file, and the list of all. */
export async function show(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(showTermsCommand, args, io);
  if (!settings) return exitCode.ok;
  const { version, json, ...pool } = settings.values;
  const client = termsClient(callerOf(findPool(pool)));
  const list = await client.list();
  const wanted = version ?? list.current;
  if (wanted === 0) {
    io.stdout.write(json ? `${JSON.stringify(list)}\n` : defaultsRule(list));
    return exitCode.ok;
  }
  const { document } = readable(await client.file(wanted));
  if (json) io.stdout.write(`${JSON.stringify({ ...list, terms: document })}\n`);
  else io.stdout.write(`${tomlOf(document)}\n${versionsView(list)}\n`);
  return exitCode.ok;
}

function readable(file: string): PublishedTerms {
  const read = readPublished(file, nodeHashing);
  if (read.ok) return read.published;
  throw new TributaryError('admin_refused', `The pool's terms cannot be read: ${read.text}.`);
}

function tomlOf({ version, 'starts-at-epoch': start, ...file }: TermsDocument): string {
  return `# Version ${version}, settles epochs from ${start} on.\n${stringify(file)}`;
}

/** No version has begun: none was published, or those that were settle later epochs. */
function defaultsRule(list: TermsList): string {
  const { openEpoch, versions } = list;
  const next = versions.at(-1);
  const head = next
    ? `Epoch ${openEpoch} is open and settled by the default terms, since none of yours has begun:`
    : `No terms were published yet; epoch ${openEpoch} is open and settled by the default ones:`;
  const lines = [head, 'the income of a week by pixels, less 10 %, paid in ETH from 0.01 on.'];
  if (next) {
    lines.push('', versionsView(list), '');
    lines.push(`See what a version says: tributary terms show --version ${next.version}`);
  } else {
    lines.push('Write your own with `tributary terms init --output terms.toml`.');
  }
  return `${lines.join('\n')}\n`;
}

function versionsView({ openEpoch, current, versions }: TermsList): string {
  const rows = versions.map(({ version, startsAtEpoch, publishedAt }) => [
    String(version),
    startsAtEpoch,
    publishedAt.slice(0, 16).replace('T', ' '),
    version === current ? `settles the open epoch, ${openEpoch}` : '',
  ]);
  const columns = [
    { title: 'version', align: 'right' },
    { title: 'from epoch', align: 'right' },
    { title: 'published (UTC)' },
    { title: '' },
  ] as const;
  return table(columns, rows).join('\n');
}
