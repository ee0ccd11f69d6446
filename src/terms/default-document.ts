import type { TermsDocument } from './document.ts';

/**
 * The terms of a pool that has published none, written as a document: what `defaultTerms` of terms.ts
 * means. Version 0, which nobody signs by itself; a manifest that holds it is signed as a whole.
 */
export const defaultDocument: TermsDocument = {
  version: 0,
  'starts-at-epoch': 0,
  name: 'Tributary pool',
  commission: '10%',
  privacy: 'public',
  model: { kind: 'proportional', by: 'units' },
  epoch: { period: 'week' },
  income: { recognised: 'credited', gas: 'pool' },
  assets: {},
  multipliers: [],
  penalties: { 'go-to': 'workers', rules: [] },
  groups: [],
  refunds: { 'borne-by': 'everyone' },
  payouts: {
    every: 'week',
    'on-demand': false,
    assets: ['ETH'],
    'fee-share-max': '1%',
    thresholds: { ETH: '0.01' },
    conversions: [],
  },
  disputes: {
    'open-days': 14,
    'answer-days': 7,
    'decide-days': 14,
    late: 'upheld',
    'set-aside': true,
  },
  expectations: {},
};
