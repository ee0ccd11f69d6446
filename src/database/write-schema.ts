import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from './database.ts';
import { dumpSchema } from './schema.ts';

// Run after adding a migration: `node src/database/write-schema.ts`.
const dataDir = await mkdtemp(join(tmpdir(), 'tributary-schema-'));
try {
  const database = await openDatabase({ dataDir });
  try {
    await database.migrate();
    await writeFile(new URL('./schema.sql', import.meta.url), await dumpSchema(database));
  } finally {
    await database.close();
  }
} finally {
  await rm(dataDir, { recursive: true, force: true });
}
