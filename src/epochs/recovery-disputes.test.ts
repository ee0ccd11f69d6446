import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson } from '../proofs/canonical.ts';
import {
  type DisputeRecord,
  disputeRecordHash,
  emptyDisputeLog,
  writeDisputeRecord,
} from '../proofs/dispute-log.ts';
import { nodeHashing } from '../proofs/node-hashing.ts';
import { readKeptDisputes, writeKeptDisputes } from './recovery-disputes.ts';

const said = { text: 'It was there.', evidence: [], salt: 'ab'.repeat(32) };

/** A log of one dispute that was opened, with what was written and what it is said to be about. */
function kept(content: object, about: { subject: string; claimed?: object }): string {
  const text = canonicalJson({ ...said, ...content });
  const record: DisputeRecord = {
    format: 'tributary-dispute-1',
    ...{ sequence: 1, previous: emptyDisputeLog.hash, at: 1_700_000_000_000 },
    ...{ dispute: 'abcdefghijklmnop', event: 'opened', by: 'worker' },
    about: { kind: 'penalty', epoch: 3n },
    deadline: 1_700_000_100_000,
    content: disputeRecordHash(text, nodeHashing),
  };
  const events = [{ record: writeDisputeRecord(record), content: text, about }];
  return writeKeptDisputes(events as Parameters<typeof writeKeptDisputes>[0]);
}

const subject = 'epoch-3/abcdefghij/2';
const other = 'epoch-3/bbcdefghij/2';
const claimed = { asset: 'ETH', amount: '45' };

test('what a dispute is about is held against what was written at its opening', () => {
  const read = (file: string) => readKeptDisputes(file, nodeHashing)[0]?.event.about;
  assert.deepEqual(read(kept({ subject, claimed }, { subject, claimed })), { subject, claimed });
  // Versions before wrote no subject: there the log says only the kind and the epoch.
  assert.deepEqual(read(kept({}, { subject, claimed })), { subject, claimed });
  const wrong: readonly (readonly [string, RegExp])[] = [
    [kept({ subject, claimed }, { subject: other, claimed }), /than what was written/],
    [kept({ subject, claimed }, { subject }), /than what was written/],
    [kept({ subject }, { subject, claimed }), /than what was written/],
    [kept({}, { subject: 'epoch-4/abcdefghij/2' }), /than in the log/],
    [kept({}, { subject: 'epoch-3/abcdefghij/receipt/one' }), /than in the log/],
    [kept({}, { subject: 'anything' }), /than in the log/],
    [kept({}, { subject }).replace('It was there', 'It was here'), /not what the log names/],
    [kept({}, { subject }).trimEnd(), /it ends in a line/],
  ];
  for (const [file, message] of wrong) {
    assert.throws(() => read(file), { name: 'Wrong', message });
    assert.throws(() => read(file), /disputes\.jsonl in recovery was cut or changed/);
  }
});
