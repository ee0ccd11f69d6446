import type { Hex } from 'viem';
import { agree, type Disagreement, type Reading } from './agreement.ts';
import type { JournalAccount } from './journal-store.ts';
import type { Receipt, View } from './journal-types.ts';
import type { Finality } from './networks.ts';
import type { Providers } from './providers.ts';
import type { RpcAnswer } from './rpc-endpoint.ts';

/** How a chain is looked at. */
export interface LookRules {
  readonly finality: Finality;
  readonly headLagMax: bigint;
  /** On Arbitrum a tip buys nothing. */
  readonly tips: boolean;
}

/** One account at one block, as all providers that answered say. */
export type Look = {
  /** Labels of those that answered something else than what was asked. */
  readonly unread: readonly string[];
} & (
  | {
      readonly ok: true;
      readonly view: View;
      readonly receipts: readonly Receipt[];
      /** Wei that included transactions cost in gas. */
      readonly costs: ReadonlyMap<Hex, bigint>;
    }
  | { readonly ok: false; readonly reason: Disagreement }
);

/** Where the chain is, as one provider says. */
interface Place {
  readonly label: string;
  readonly chainId: number;
  readonly head: bigint;
  readonly final: bigint;
  readonly baseFeePerGas: bigint;
  readonly priorityFeePerGas: bigint;
}

/** What is asked of a block once it is known which one. */
interface Facts {
  readonly block: bigint;
  readonly final: bigint;
  readonly hashes: readonly Hex[];
}

type Costed = Receipt & { readonly costWei: bigint };

/**
 * Asks every provider for its newest block, and then each for the same one, the newest that all
 * have. What cannot be read counts as no answer; what can be read must be the same everywhere.
 */
export async function lookAtChain(
  providers: Providers,
  account: JournalAccount,
  hashes: readonly Hex[],
  rules: LookRules,
): Promise<Look> {
  const first = await lookOnce(providers, account, hashes, rules);
  // Blocks may have changed between two questions; a wrong chain or an old head stays one.
  if (first.ok || first.reason === 'wrong_chain' || first.reason === 'head_lag') return first;
  return lookOnce(providers, account, hashes, rules);
}

async function lookOnce(
  providers: Providers,
  account: JournalAccount,
  hashes: readonly Hex[],
  { finality, headLagMax, tips }: LookRules,
): Promise<Look> {
  const { asked, places } = await placesOf(providers, finality, tips);
  const unread = (read: readonly { readonly label: string }[]) =>
    asked.filter((label) => !read.some((one) => one.label === label));
  const expected = { chainId: account.chainId, headLagMax };
  const block = lowest(places.map(({ head }) => head));
  if (block === undefined) return { ok: false, reason: 'no_provider', unread: asked };
  const far = tooFar(places, expected);
  if (far) return { ok: false, reason: far, unread: unread(places) };
  const final = lowest([block, ...places.map((place) => place.final)]) ?? 0n;
  const readings = await readingsAt(providers, account, places, { block, final, hashes });
  const agreed = agree(readings, expected);
  if (!agreed.ok) return { ...agreed, unread: unread(readings) };
  const costed = agreed.receipts as readonly Costed[];
  const costs = new Map(costed.map(({ hash, costWei }) => [hash, costWei]));
  const { view, receipts } = agreed;
  return { ok: true, view, receipts, costs, unread: unread(readings) };
}

/** Said before anything else is asked: a provider that is far behind lacks the block of the others. */
function tooFar(
  places: readonly Place[],
  { chainId, headLagMax }: { chainId: number; headLagMax: bigint },
): Disagreement | undefined {
  if (places.some((place) => place.chainId !== chainId)) return 'wrong_chain';
  const heads = places.map(({ head }) => head);
  const apart = (sorted(heads).at(-1) ?? 0n) - (lowest(heads) ?? 0n);
  return apart > headLagMax ? 'head_lag' : undefined;
}

async function placesOf(
  providers: Providers,
  finality: Finality,
  tips: boolean,
): Promise<{ readonly asked: readonly string[]; readonly places: readonly Place[] }> {
  const tag = 'tag' in finality ? finality.tag : undefined;
  const [chains, heads, finals, fees, priorities] = await Promise.all([
    providers.requestAll('eth_chainId', []),
    providers.requestAll('eth_getBlockByNumber', ['latest', false]),
    tag ? providers.requestAll('eth_getBlockByNumber', [tag, false]) : [],
    providers.requestAll('eth_feeHistory', ['0x1', 'latest', []]),
    tips ? providers.requestAll('eth_maxPriorityFeePerGas', []) : [],
  ]);
  // Who did not answer at all is counted as that already.
  const asked = chains.flatMap(({ ok, label }) => (ok ? [label] : []));
  const places = chains.flatMap((chain, index) => {
    const chainId = quantity(valueIn(chain));
    const head = quantity(field(valueIn(heads[index]), 'number'));
    const final =
      'depth' in finality
        ? head && (head > BigInt(finality.depth) ? head - BigInt(finality.depth) : 0n)
        : quantity(field(valueIn(finals[index]), 'number'));
    // Of the block that comes next.
    const bases = field(valueIn(fees[index]), 'baseFeePerGas');
    const baseFeePerGas = Array.isArray(bases) ? quantity(bases.at(-1)) : undefined;
    const priorityFeePerGas = tips ? quantity(valueIn(priorities[index])) : 0n;
    if (chainId === undefined || head === undefined || final === undefined) return [];
    if (baseFeePerGas === undefined || priorityFeePerGas === undefined) return [];
    const { label } = chain;
    return [{ label, chainId: Number(chainId), head, final, baseFeePerGas, priorityFeePerGas }];
  });
  return { asked, places };
}

async function readingsAt(
  providers: Providers,
  { address }: JournalAccount,
  places: readonly Place[],
  { block, final, hashes }: Facts,
): Promise<readonly (Reading & { readonly label: string })[]> {
  const [blocks, finals, latestNonces, finalNonces, ...receipts] = await Promise.all([
    providers.requestAll('eth_getBlockByNumber', [toHex(block), false]),
    providers.requestAll('eth_getBlockByNumber', [toHex(final), false]),
    providers.requestAll('eth_getTransactionCount', [address, toHex(block)]),
    providers.requestAll('eth_getTransactionCount', [address, toHex(final)]),
    ...hashes.map((hash) => providers.requestAll('eth_getTransactionReceipt', [hash])),
  ]);
  const byLabel = new Map(places.map((place) => [place.label, place]));
  return (blocks ?? []).flatMap(({ label }, index) => {
    const place = byLabel.get(label);
    const blockHash = hashOf(field(valueIn(blocks?.[index]), 'hash'));
    const finalHash = hashOf(field(valueIn(finals?.[index]), 'hash'));
    const latestNonce = quantity(valueIn(latestNonces?.[index]));
    const finalNonce = quantity(valueIn(finalNonces?.[index]));
    if (!place || !blockHash || !finalHash) return [];
    if (latestNonce === undefined || finalNonce === undefined) return [];
    const decoded = hashes.map((hash, each) =>
      decodeReceipt(receipts[each]?.[index], { hash, address, block, final, blockHash }),
    );
    if (decoded.includes('unreadable')) return [];
    const { chainId, head, baseFeePerGas, priorityFeePerGas } = place;
    const nonces = { latestNonce: Number(latestNonce), finalNonce: Number(finalNonce) };
    return [
      {
        ...{ label, chainId, head, blockHash, finalHash },
        view: { ...nonces, baseFeePerGas, priorityFeePerGas },
        receipts: decoded.filter((receipt) => receipt !== undefined && receipt !== 'unreadable'),
      },
    ];
  });
}

/** Undefined: up to the block in question there is none. */
function decodeReceipt(
  answer: RpcAnswer<unknown> | undefined,
  asked: { hash: Hex; address: Hex; block: bigint; final: bigint; blockHash: Hex },
): Costed | 'unreadable' | undefined {
  if (!answer?.ok) return 'unreadable';
  const { value } = answer;
  if (value === null) return undefined;
  const { hash, block, final } = asked;
  const at = quantity(field(value, 'blockNumber'));
  const status = quantity(field(value, 'status'));
  const gasUsed = quantity(field(value, 'gasUsed'));
  const price = quantity(field(value, 'effectiveGasPrice'));
  if (at === undefined || gasUsed === undefined || price === undefined) return 'unreadable';
  if (status !== 0n && status !== 1n) return 'unreadable';
  if (hashOf(field(value, 'transactionHash')) !== hash) return 'unreadable';
  if (String(field(value, 'from')).toLowerCase() !== asked.address.toLowerCase()) {
    return 'unreadable';
  }
  if (at > block) return undefined;
  if (at === block && hashOf(field(value, 'blockHash')) !== asked.blockHash) return 'unreadable';
  return {
    hash,
    block: at,
    succeeded: status === 1n,
    final: at <= final,
    costWei: gasUsed * price,
  };
}

/** The value of a quantity in JSON-RPC; undefined for everything else. At most 256 bits. */
export function quantity(value: unknown): bigint | undefined {
  return typeof value === 'string' && /^0x[0-9a-fA-F]{1,64}$/.test(value)
    ? BigInt(value)
    : undefined;
}

/** 32 bytes in lower-case hex; undefined for everything else. */
export function hashOf(value: unknown): Hex | undefined {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{64}$/.test(value)) return undefined;
  return value.toLowerCase() as Hex;
}

/** One field of what may be an object. */
export function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

/** A number as JSON-RPC wants it. */
export function toHex(value: bigint): Hex {
  return `0x${value.toString(16)}`;
}

function valueIn(answer: RpcAnswer<unknown> | undefined): unknown {
  return answer?.ok ? answer.value : undefined;
}

/** The first of them; undefined when there are none. */
export function lowest(values: readonly bigint[]): bigint | undefined {
  return sorted(values)[0];
}

function sorted(values: readonly bigint[]): readonly bigint[] {
  return [...values].sort((a, b) => (a < b ? -1 : 1));
}
