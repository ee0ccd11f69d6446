import { showSpan } from '../../src/base/figures.ts';
import type { Page } from '../page.ts';
import { Facts } from '../parts/figures.tsx';
import { directoryFrame, loadDirectory } from './frame.tsx';
import { chainText } from './words.tsx';

/** `/about`: what do the words and figures of this directory rest on? */
export const aboutPage: Page = {
  path: '/about',
  async show({ reader }) {
    const directory = await loadDirectory(reader);
    const { everyMs, chainId, version } = directory;
    return {
      frame: directoryFrame(directory, {
        title: 'How it is measured',
        description: 'What is looked at of each pool, how often, and what cannot be seen.',
        current: '/about',
      }),
      content: (
        <>
          <h1>How it is measured</h1>
          <p class="lead">
            Every {showSpan(everyMs)} this directory looks at each pool of its list. What a pool
            says is taken when it is signed; what it does is looked at from outside.
          </p>
          <Facts
            of={[
              {
                label: 'Manifest',
                value:
                  'Read from /.well-known/livepeer-pool.json of the pool: canonical JSON, signed by the account of the orchestrator, or off chain by a key of the pool. One that is changed, expired or somebody else’s is refused.',
              },
              {
                label: 'Who it is',
                value:
                  chainId === null
                    ? 'This directory looks at no chain, so nobody is verified here.'
                    : `Asked of ${chainText(chainId)}: the active set, the stake, what the orchestrator keeps, and the service URI that it registered, which has to be the one of the manifest. Where another account signs, the pool has to speak from the host that the orchestrator registered.`,
              },
              {
                label: 'Service',
                value:
                  'A TLS handshake with the service URI in each look, counted by the hour for 90 days. Whether work is done well is for gateways to see.',
              },
              {
                label: 'Terms',
                value:
                  'Those of the manifest have to be the ones beside the proofs, and a version that was seen here once must never say anything else.',
              },
              {
                label: 'Proofs',
                value:
                  'Each epoch is recomputed by the rule of its terms, as tributary verify does it. What was published under a number has to stay what it was.',
              },
              {
                label: 'Payouts',
                value:
                  'Each published payout is looked for on the chain: there, final, to that address, and not less. It is late when it comes more than a day after the moment that the terms name for a credit above the threshold.',
              },
              { label: 'Software', value: `tributary ${version}` },
            ]}
          />
        </>
      ),
    };
  },
};
