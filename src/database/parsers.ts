import pg from 'pg';
import { type Instant, instant } from '../base/clock.ts';

const INT8 = 20;
const NUMERIC = 1700;
const TIMESTAMPTZ = 1184;

/**
 * How values come out of PostgreSQL, decided once: `int8` and `numeric` as bigint, so that money is
 * never a float; `timestamptz` as {@link Instant}. A numeric with a fraction throws: fractions are
 * kept as exact rationals in two columns.
 */
export const parsers: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (format !== 'binary') {
      if (oid === INT8 || oid === NUMERIC) return BigInt;
      if (oid === TIMESTAMPTZ) return parseInstant;
    }
    return pg.types.getTypeParser(oid, format ?? 'text');
  },
};

function parseInstant(text: string): Instant {
  return instant(
    (pg.types.getTypeParser(TIMESTAMPTZ, 'text') as (text: string) => Date)(text).getTime(),
  );
}
