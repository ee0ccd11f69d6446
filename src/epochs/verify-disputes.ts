import { checkDisputeLog, type DisputeRecord, emptyDisputeLog } from '../proofs/dispute-log.ts';
import type { EpochHead } from '../proofs/files.ts';
import type { EpochInput } from '../terms/settle-types.ts';
import { type VerifyParts, Wrong } from './verify-types.ts';

const FILE = 'disputes.jsonl';

/** Holds what epochs say of disputes against the published log of them. */
export interface DisputesCheck {
  /**
   * Throws {@link Wrong} when the log is not the one that the record of the epoch named, or when an
   * award in its input is none that the log knows, or one that was given before.
   *
   * @param input undefined in a private pool
   */
  check(head: EpochHead, input: EpochInput | undefined): void;
}

/** Reads the log and checks its chain. A pool without disputes has none. Throws {@link Wrong}. */
export async function openDisputesCheck({ files, hashing }: VerifyParts): Promise<DisputesCheck> {
  const log = checkDisputeLog((await files.read(FILE)) ?? '', hashing);
  if (!log.ok) throw new Wrong('disputes_rewritten', `line ${log.line} of ${FILE}: ${log.text}`);
  const awards = awardsIn(log.records);
  const given = new Set<string>();
  let size = 0;

  return {
    check({ epoch, disputes = emptyDisputeLog }, input) {
      const named = disputes.size === 0 ? emptyDisputeLog.hash : log.hashes[disputes.size - 1];
      if (disputes.size < size || named !== disputes.hash) {
        const text = `${FILE} is not the log that the record of the epoch names: it was rewritten`;
        throw new Wrong('disputes_rewritten', text, epoch);
      }
      size = disputes.size;
      for (const { worker, awards: own = [] } of input?.workers ?? []) {
        for (const { dispute, asset, amount } of own) {
          const award = awards.get(dispute);
          const isSame = award?.asset === asset && award.amount === amount;
          if (isSame && !given.has(dispute)) {
            given.add(dispute);
            continue;
          }
          const why = given.has(dispute) ? 'was given before' : 'is not in the log of disputes';
          const text = `${worker} is awarded ${amount} ${asset} in dispute ${dispute}, which ${why}`;
          throw new Wrong('award_differs', text, epoch);
        }
      }
    },
  };
}

function awardsIn(records: readonly DisputeRecord[]) {
  return new Map(
    records.flatMap(({ dispute, award }) => (award ? [[dispute, award] as const] : [])),
  );
}
