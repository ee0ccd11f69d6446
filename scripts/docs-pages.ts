import { type AnySetting, type Command, envOf, keyOf } from '../src/base/command.ts';
import { errorAdvice } from '../src/base/errors.ts';
import { defaultOf, helpText } from '../src/base/help.ts';
import { commands } from '../src/cli.ts';

/** Stands at the top of each page. */
export function generatedFrom(source: string): string {
  return `<!-- Written by \`npm run generate\` from ${source}; edit that instead. -->`;
}

/** docs/reference/cli.md: what `--help` prints for each command. */
export function cliPage(): string {
  const sections = commands.map(
    (command) => `## tributary ${command.name}\n\n\`\`\`\n${helpText(command)}\n\`\`\`\n`,
  );
  return `${generatedFrom('src/programs/*/settings.ts')}
# Commands

| command | what it does |
|---|---|
${commands.map(({ name, summary }) => `| [${name}](#tributary-${anchor(name)}) | ${summary} |`).join('\n')}
| pool settings | Print each setting of the pool and where it came from. |
| version | Print the version. |
| help | Print the list of commands, or the page of one. |

Exit codes: 0 done, 1 failed with a reason, 2 wrong usage, 70 a defect of Tributary.

${sections.join('\n')}`;
}

/** docs/reference/settings.md: every setting with its names, values, default and the reason. */
export function settingsPage(): string {
  return `${generatedFrom('src/programs/*/settings.ts')}
# Settings

A flag wins over an environment variable, that over the config file (\`--config FILE\`, TOML), that
over the default. In the file, keys stand at the top or in tables along the name of the command:
\`[gateway]\`, then \`[gateway.push]\`. Flags may have one dash or two. Names that go-livepeer uses for
the same thing are understood as well.

${commands.map(commandSection).join('\n')}`;
}

function commandSection(command: Command): string {
  const entries = Object.entries(command.settings).map(([name, setting]) => entry(name, setting));
  return `## ${command.name}\n\n${command.summary}\n\n${entries.join('\n')}
`;
}

function entry(name: string, setting: AnySetting): string {
  const { placeholder, allowed } = setting.type;
  const onlyWord = setting.positional === 'only';
  const title = onlyWord ? placeholder : `--${keyOf(name)} ${placeholder}`.trimEnd();
  const facts = [
    setting.doc,
    `It must be ${allowed}.`,
    defaultSentence(setting),
    setting.required ? 'Required.' : '',
    setting.secret ? 'A secret: it is never shown.' : '',
    setting.reloadable ? 'Taken over without a restart.' : '',
    onlyWord ? '' : `Variable \`${envOf(name)}\`, key \`${keyOf(name)}\`.`,
    aliasSentence(setting),
  ];
  return `- **\`${title}\`**: ${facts.filter((fact) => fact !== '').join(' ')}`;
}

function defaultSentence(setting: AnySetting): string {
  const byDefault = defaultOf(setting);
  if (byDefault === '')
    return setting.default === false ? `Default: off. ${setting.why ?? ''}` : '';
  return `Default: ${byDefault}.${setting.why ? ` ${setting.why}` : ''}`;
}

function aliasSentence(setting: AnySetting): string {
  const aliases = Object.keys(setting.aliases ?? {});
  if (aliases.length === 0) return '';
  return `go-livepeer: ${aliases.map((alias) => `\`-${alias}\``).join(', ')}.`;
}

/** docs/reference/errors.md: every code with what to do about it. */
export function errorsPage(): string {
  const rows = Object.entries(errorAdvice)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, advice]) => `| \`${code}\` | ${advice.replaceAll('|', '\\|')} |`);
  return `${generatedFrom('src/base/errors.ts')}
# Errors

What a program prints when it cannot go on: a sentence that says what happened, then what to do
about it and one of these codes.

| code | what to do |
|---|---|
${rows.join('\n')}
`;
}

function anchor(name: string): string {
  return name.replaceAll(' ', '-');
}
