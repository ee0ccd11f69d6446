import type { ComponentChildren } from 'preact';

/** The parts of pages that come alive in a browser, by name: see browser/islands.ts. */
export type IslandName =
  | 'chart'
  | 'check-epoch'
  | 'check-own'
  | 'flow'
  | 'form'
  | 'once'
  | 'pool-live'
  | 'operator-chain'
  | 'operator-credential'
  | 'operator-live'
  | 'rotate'
  | 'terms-check'
  | 'wallet-address'
  | 'wallet-sign-in'
  | 'worker-live';

/**
 * A part that the browser makes interactive; what it holds until then, and for ever where there is
 * no script, is `children`. Props travel as JSON in an attribute, so they hold no bigint.
 */
export function Island({
  name,
  props,
  children,
}: {
  readonly name: IslandName;
  readonly props: object;
  readonly children: ComponentChildren;
}) {
  return (
    <div data-island={name} data-props={JSON.stringify(props)}>
      {children}
    </div>
  );
}
