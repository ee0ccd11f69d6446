import type { Signing } from '../../chain/signing.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { toHex } from '../../proofs/bytes.ts';
import type { PoolIdentity, Statement } from '../../proofs/statement.ts';
import type { TermsSignatures } from '../../terms/published.ts';

/** In whose name a pool promises and pays, and how that is signed. */
export interface PoolName {
  readonly identity: PoolIdentity;
  /** 20 bytes of the account that signs; undefined off chain. */
  readonly account: Uint8Array | undefined;
  /** By the account; undefined off chain. */
  endorse(statement: Statement): Promise<Uint8Array | undefined>;
  /** By the account, or off chain by the receipt key: as files of terms and manifests hold it. */
  sign(statement: Statement): Promise<TermsSignatures>;
}

/** Off chain a pool has no account: its receipt key is all that says who it is. */
export function offchainName(ledger: () => Pick<Ledger, 'keys'>): PoolName {
  const identity: PoolIdentity = { pool: new Uint8Array(20), chainId: 0n };
  return {
    identity,
    account: undefined,
    endorse: async () => undefined,
    async sign(statement) {
      const { key, signature } = await ledger().keys.sign(identity, statement);
      return { key: toHex(key), signature: toHex(signature) };
    },
  };
}

/** The orchestrator, in whose name the node account signs. */
export function chainName(identity: PoolIdentity, signing: Signing): PoolName {
  const endorse = (statement: Statement) =>
    signing.signStatement(statement as Parameters<Signing['signStatement']>[0]);
  return {
    identity,
    account: signing.address,
    endorse,
    sign: async (statement) => ({ accountSignature: toHex(await endorse(statement)) }),
  };
}
