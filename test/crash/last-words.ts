import sql from 'sql-template-tag';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { eventually } from '../eventually.ts';

/** Opens a pool's database for looking at it, told apart from the pool. */
export function openWitness(url: string): Promise<Database> {
  return openDatabase({ url: `${url}&application_name=witness` });
}

/**
 * Waits until PostgreSQL has done what a pool sent before it died: a commit that was on its way still
 * comes after the death. `witness` is from {@link openWitness}.
 */
export function lastWords(witness: Database): Promise<void> {
  return eventually('PostgreSQL is done with the dead', async () => {
    const { rows } = await witness.query(sql`
      select from pg_stat_activity
      where datname = current_database() and backend_type = 'client backend'
        and application_name <> 'witness' limit 1`);
    return rows.length === 0;
  });
}
