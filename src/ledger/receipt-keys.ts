import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import sql from 'sql-template-tag';
import { hex } from '../base/bytes.ts';
import type { Database } from '../database/database.ts';
import { createSecrets } from '../database/secrets.ts';
import { RECEIPT_BYTES, RECEIPT_LAYOUT } from '../proofs/receipt.ts';
import { type PoolIdentity, type Statement, statementBytes } from '../proofs/statement.ts';

/** Signs on a thread of libuv: about 40 us that the event loop does not spend. */
const signAside = promisify<null, Uint8Array, KeyObject, Buffer>(sign);
/** RFC 8410: what goes before the 32 bytes of an Ed25519 key in PKCS #8. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_KEY_BYTES = 32;

/** A key that receipts are signed with. */
export interface ReceiptKey {
  readonly version: number;
  /** 32 bytes, as receipts name it. */
  readonly publicKey: Uint8Array;
}

/** The keys behind receipts: shared by all nodes, one of them in use. */
export interface ReceiptKeys {
  /** The key for new receipts; made when there is none. */
  current(): Promise<ReceiptKey>;
  /** All keys that were ever in use, newest first. */
  all(): Promise<readonly ReceiptKey[]>;
  /**
   * Body and signature: the same bytes whenever it is asked for. Undefined when the key that the
   * receipt names is none of ours.
   */
  signed(body: Uint8Array): Promise<Uint8Array | undefined>;
  /** Signs a statement of the pool with the key in use. */
  sign(
    identity: PoolIdentity,
    statement: Statement,
  ): Promise<{ readonly key: Uint8Array; readonly signature: Uint8Array }>;
  /** Reads the keys anew, after one was rotated. */
  reload(): Promise<void>;
}

/** Receipt keys in the table of secrets, under the purpose `receipt_key`. */
export function createReceiptKeys(database: Database): ReceiptKeys {
  const secrets = createSecrets(database);
  let loading: Promise<Known> | undefined;

  function known(): Promise<Known> {
    loading ??= load().catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  }

  async function load(): Promise<Known> {
    const [newest] = await secrets.load('receipt_key');
    // Receipts outlive the keys that signed them: a retired one signs what was made with it.
    const { rows } = await database.query<{ version: number; key: Buffer }>(sql`
      select version, key from secret where purpose = 'receipt_key' order by version desc`);
    const keys = rows.map(({ version, key }) => signingKey(version, key));
    const current = keys.find(({ version }) => version === newest.version);
    if (!current) throw new RangeError('the receipt key in use is not stored');
    return { current, keys: new Map(keys.map((key) => [hex(key.publicKey), key])) };
  }

  return {
    current: async () => (await known()).current,
    all: async () => [...(await known()).keys.values()],
    async signed(body) {
      const named = hex(publicKeyIn(body));
      let key = (await known()).keys.get(named);
      if (!key) {
        // Another node may have begun with a new one.
        loading = undefined;
        key = (await known()).keys.get(named);
      }
      return key && Buffer.concat([body, await signAside(null, body, key.privateKey)]);
    },
    async sign(identity, statement) {
      const { current } = await known();
      const bytes = statementBytes(identity, statement);
      return {
        key: current.publicKey,
        signature: new Uint8Array(await signAside(null, bytes, current.privateKey)),
      };
    },
    async reload() {
      loading = undefined;
      await known();
    },
  };
}

interface SigningKey extends ReceiptKey {
  readonly privateKey: KeyObject;
}

interface Known {
  readonly current: SigningKey;
  readonly keys: ReadonlyMap<string, SigningKey>;
}

function signingKey(version: number, seed: Uint8Array): SigningKey {
  const der = Buffer.concat([PKCS8, seed]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return { version, privateKey, publicKey: new Uint8Array(spki.subarray(-PUBLIC_KEY_BYTES)) };
}

function publicKeyIn(body: Uint8Array): Uint8Array {
  if (body.length !== RECEIPT_BYTES) throw new RangeError('not the body of a receipt');
  const [offset, length] = RECEIPT_LAYOUT.key;
  return body.subarray(offset, offset + length);
}
