import { defineCommand } from '../../base/command.ts';
import { onOff, path } from '../../base/setting-types.ts';
import { jsonSetting } from '../../base/standard-settings.ts';

/** `tributary import`. */
export const importCommand = defineCommand({
  name: 'import',
  summary: 'Read what another pool did into a shadow book, and show what terms would have paid.',
  settings: {
    csv: {
      type: path('FILE'),
      doc: 'Work: a CSV with worker, time and units; more columns are in the guide.',
    },
    goLivepeer: {
      type: path('FILE'),
      doc: 'Income: the SQLite database of a go-livepeer orchestrator; it is only read.',
    },
    book: {
      type: path('FILE'),
      doc: 'The shadow book: a file of its own, which nothing can be paid from.',
      default: 'shadow-book.sqlite',
      why: 'it is beside what you are looking at.',
    },
    terms: {
      type: path('FILE'),
      doc: 'The terms to reckon by, a TOML file as `tributary terms init` writes it.',
      defaultText: 'the default terms, with --shadow',
    },
    shadow: {
      type: onOff(),
      doc: 'Show per worker and epoch what the terms would have paid for all that the book holds.',
      default: false,
      why: 'With --terms it is shown anyway.',
    },
    asCsv: {
      type: onOff(),
      doc: 'Print the same as CSV on standard output.',
      default: false,
      why: 'People read it more often than programs.',
    },
    json: jsonSetting,
  },
  check({ csv, goLivepeer, shadow, terms, json, asCsv }) {
    if (csv !== undefined && goLivepeer !== undefined) {
      return 'Give --csv or --go-livepeer; both go into one book, one after the other.';
    }
    if (json && asCsv) return 'Give --json or --as-csv, not both.';
    const isAsked = csv ?? goLivepeer ?? terms;
    return isAsked === undefined && !shadow ? 'Give --csv, --go-livepeer or --shadow.' : undefined;
  },
  examples: [
    'tributary import --csv work.csv --book trial.sqlite',
    'tributary import --go-livepeer ~/.lpData/arbitrum-one-mainnet/lpdb.sqlite3 --book trial.sqlite',
    'tributary import --shadow --terms terms.toml --book trial.sqlite',
  ],
});
