import { z } from 'zod';
import type { TermsFile } from '../terms/document.ts';
import { type Example, exampleOf } from '../terms/example.ts';
import { faultText, type PlacedFault, readTermsFile } from '../terms/file.ts';
import { readTerms } from '../terms/read.ts';
import type { Terms } from '../terms/terms.ts';
import type { TermsService } from '../terms/terms-service.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { amount, decimal } from './shapes.ts';

const fault = z.object({
  line: z.int().nullable().describe('From 1; null: the key is missing altogether.'),
  text: z.string(),
});

export const termsCheckApi = {
  check: defineRoute({
    method: 'POST',
    path: '/api/v1/terms/check',
    access: 'viewer',
    summary:
      'Every fault of a terms file, or what its terms come to in an example; nothing is kept.',
    body: z.object({ file: z.string().max(300_000) }),
    reply: z.object({
      ok: z.boolean(),
      faults: z.array(fault),
      remarks: z.array(fault).describe('Allowed, and perhaps not meant.'),
      version: z.int().describe('What it is published as.'),
      startsAtEpoch: decimal.describe('The first epoch that it can settle.'),
      example: z
        .object({
          income: z.array(amount),
          workers: z.array(
            z.object({
              text: z.string(),
              lines: z.array(z.object({ kind: z.string(), text: z.string(), amount })),
              payable: z.array(amount),
            }),
          ),
          commission: z.array(amount),
        })
        .nullable(),
    }),
    reads: true,
  }),
} as const;

/** `/api/v1/terms/check`: the check of `tributary terms check`, for the console. */
export function termsCheckRoutes(parts: {
  readonly terms: Pick<TermsService, 'list'>;
}): readonly Route[] {
  return [
    serve(termsCheckApi.check, async ({ body }) => {
      const { versions, openEpoch } = await parts.terms.list();
      const version = (versions.at(-1)?.version ?? 0) + 1;
      const startsAtEpoch = openEpoch + 1n;
      const read = readTermsFile(body.file);
      const base = { version, startsAtEpoch };
      if (!read.ok) {
        return { ok: false, faults: read.faults.map(placed), remarks: [], example: null, ...base };
      }
      const terms = asIfPublished(read.file, version, startsAtEpoch);
      const example = exampleView(terms, exampleOf(terms));
      return { ok: true, faults: [], remarks: read.remarks.map(placed), example, ...base };
    }),
  ];
}

function placed(found: PlacedFault) {
  return { line: found.line ?? null, text: faultText(found) };
}

function asIfPublished(file: TermsFile, version: number, startsAt: bigint): Terms {
  return readTerms({ ...file, version, 'starts-at-epoch': Number(startsAt) });
}

function exampleView(terms: Terms, { settlement, workers, input }: Example) {
  const amountOf = (asset: string, value: bigint) => ({
    asset,
    amount: value,
    decimals: terms.assets[asset as keyof Terms['assets']]?.decimals ?? 0,
  });
  const all = (amounts: Readonly<Record<string, bigint>> | undefined) =>
    Object.entries(amounts ?? {}).map(([asset, value]) => amountOf(asset, value));
  return {
    income: all(input.income),
    workers: workers.map(({ worker, text }) => ({
      text,
      lines: settlement.lines
        .filter((line) => line.worker === worker)
        .map((line) => ({
          kind: line.kind,
          text: line.text,
          amount: amountOf(line.asset, line.amount),
        })),
      payable: all(settlement.owed[worker]),
    })),
    commission: all(settlement.commission),
  };
}
