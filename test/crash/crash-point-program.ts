import { spawnSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import { crashPoint } from '../../src/base/crash-point.ts';

// Run by crash-point.test.ts: passes a point three times and says so. With an argument it runs
// itself as a child, as a program does that starts others.

if (process.argv[2] === 'parent') {
  spawnSync(process.execPath, [import.meta.filename], { stdio: 'inherit' });
  writeSync(1, 'parent lives\n');
} else {
  for (const passing of [1, 2, 3]) {
    crashPoint('segment_accepted');
    writeSync(1, `passed ${passing}\n`);
  }
}
