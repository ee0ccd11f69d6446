import { z } from 'zod';

/** Most rows of one page; a page of 1,000 ledger lines has some 300 KB. */
export const PAGE_MAX = 1_000;

/** A whole number as a decimal string, so that none passes through a float: money, pixels, u64. */
export const decimal = z
  .union([z.bigint(), z.string(), z.int()])
  .transform(String)
  .pipe(z.string().regex(/^-?\d{1,78}$/))
  .meta({ id: 'Decimal', description: 'A whole number as a decimal string.' });

/** An instant, given in milliseconds, as ISO 8601 in UTC. */
export const moment = z
  .number()
  .transform((ms) => new Date(ms).toISOString())
  .pipe(z.iso.datetime())
  .meta({ id: 'Moment', description: 'A moment as ISO 8601 in UTC.' });

/** An amount with what it is of: base units as a decimal string, and how many decimals they are. */
export const amount = z
  .object({ asset: z.string(), amount: decimal, decimals: z.int().min(0).max(36) })
  .meta({ id: 'Amount', description: 'Base units of an asset, and how many decimals they are.' });
export type AmountView = z.input<typeof amount>;

/** A whole number in a body or query, up to that of a u256. */
export const units = z
  .string()
  .regex(/^\d{1,78}$/)
  .transform(BigInt);

/** A count from 1 in a path or query. */
export const ordinal = z
  .string()
  .regex(/^[1-9]\d{0,17}$/)
  .transform(BigInt);

/** What every list takes. */
export const pageQuery = z.object({
  cursor: z.string().max(1_024).optional().describe('The `next` of the page before.'),
  limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(100),
});

/** A page of a list; `next` is null on the last one. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next: z.string().nullable() });
}

/** An answer that says nothing more than that it is done. */
export const done = z.object({});
