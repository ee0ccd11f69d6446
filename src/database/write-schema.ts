import { writeFile } from 'node:fs/promises';
import { dumpSchema } from './schema.ts';
import { openScratch } from './scratch.ts';

// Run after adding a migration: `node src/database/write-schema.ts`.
await using scratch = await openScratch();
await writeFile(new URL('./schema.sql', import.meta.url), await dumpSchema(scratch.database));
