import type { Hex } from 'viem';
import type { SendAnswer } from './journal-types.ts';
import type { ProviderAnswer, Providers } from './providers.ts';
import { hashOf } from './transactions-look.ts';

/** Worst last: of several answers without an acceptance the first of these counts. */
const ORDER = [
  'fee_too_low',
  'insufficient_funds',
  'nonce_too_low',
  'rejected',
  'unreachable',
] as const;

/**
 * Gives signed bytes to every provider, so that none can keep them back, and resolves with the first
 * acceptance or, when there is none, with what says most. Bytes may be given again: a node takes a
 * transaction once.
 */
export async function sendRaw(
  providers: Providers,
  { raw, hash }: { raw: Hex; hash: Hex },
): Promise<SendAnswer> {
  const { promise, resolve } = Promise.withResolvers<SendAnswer>();
  const asked = providers.requestEach<unknown>('eth_sendRawTransaction', [raw]);
  const answers = asked.map(async (each) => {
    const answer = sendAnswer(await each, hash);
    if (answer === 'accepted') resolve(answer);
    return answer;
  });
  void Promise.all(answers).then((all) => {
    resolve(ORDER.find((answer) => all.includes(answer)) ?? 'unreachable');
  });
  return promise;
}

/** What one node said, by the texts of geth, nitro and anvil. */
function sendAnswer(answer: ProviderAnswer<unknown>, hash: Hex): SendAnswer {
  // Another hash is no answer to this question.
  if (answer.ok) return hashOf(answer.value) === hash ? 'accepted' : 'unreachable';
  if (answer.reason !== 'refused') return 'unreachable';
  return textAnswer(answer.refusal.message);
}

/** The meaning of a text that a node refused a transaction with. */
export function textAnswer(text: string): SendAnswer {
  // geth: core/txpool/errors.go ErrAlreadyKnown; older ones; anvil: TransactionAlreadyImported.
  if (/already known|known transaction|already imported/i.test(text)) return 'accepted';
  // geth: core/error.go ErrNonceTooLow; nitro passes it on.
  if (/nonce too low/i.test(text)) return 'nonce_too_low';
  if (/insufficient funds/i.test(text)) return 'insufficient_funds';
  // The bytes that are there pay as much already.
  if (/replacement transaction underpriced/i.test(text)) return 'rejected';
  // geth: ErrFeeCapTooLow "max fee per gas less than block base fee", ErrUnderpriced.
  if (/less than block base fee|underpriced|fee cap.*(?:low|less)/i.test(text)) {
    return 'fee_too_low';
  }
  return 'rejected';
}
