import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';

/** One question of JSON-RPC. */
export interface Call {
  readonly method: string;
  readonly params: readonly unknown[];
}

/** What an honest node says. */
export type Said = { readonly result: unknown } | { readonly error: object };

/** Instead of an answer: what happens to the whole exchange. */
export type Mischief = 'garbage' | 'huge' | 'drip' | 'hang' | 'hang_up' | 'busy';

/** Answers in place of the node; `honest` asks it. */
export type Lie = (call: Call, honest: () => Promise<Said>) => Promise<Said | Mischief>;

/** A node between the pool and an honest one. */
export interface LyingNode {
  readonly url: string;
  /** Undefined: it tells the truth. */
  lie: Lie | undefined;
  /** False: a batch gets one error for all of it. */
  batches: boolean;
  /** How often each method was asked for. */
  readonly calls: ReadonlyMap<string, number>;
  /** How many exchanges there were, and what each had for authorization. */
  readonly exchanges: readonly (string | undefined)[];
  close(): Promise<void>;
}

/** Above any limit on an answer. */
const HUGE = Buffer.alloc(1024 * 1024, 0x20);

export async function startLyingNode(honestUrl: string): Promise<LyingNode> {
  const calls = new Map<string, number>();
  const exchanges: (string | undefined)[] = [];
  const server = createServer(async (request, response) => {
    exchanges.push(request.headers.authorization);
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    const body = JSON.parse(Buffer.concat(pieces).toString());
    if (Array.isArray(body) && !node.batches) {
      response.end('{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no batches"}}');
      return;
    }
    const asked = (Array.isArray(body) ? body : [body]) as readonly (Call & { id: number })[];
    const answers = await Promise.all(asked.map(answerTo));
    const mischief = answers.find((answer) => typeof answer === 'string');
    if (mischief) return commit(mischief, response);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(Array.isArray(body) ? answers : answers[0]));
  });

  async function answerTo(call: Call & { id: number }): Promise<object | Mischief> {
    calls.set(call.method, (calls.get(call.method) ?? 0) + 1);
    const honest = () => ask(honestUrl, call);
    const said = await (node.lie ? node.lie(call, honest) : honest());
    return typeof said === 'string' ? said : { jsonrpc: '2.0', id: call.id, ...said };
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const node: LyingNode = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lie: undefined,
    batches: true,
    calls,
    exchanges,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return node;
}

async function ask(url: string, call: Call): Promise<Said> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ jsonrpc: '2.0', ...call });
  const { result, error } = (await (
    await fetch(url, { method: 'POST', headers, body })
  ).json()) as { result?: unknown; error?: object };
  return error ? { error } : { result: result ?? null };
}

function commit(mischief: Mischief, response: ServerResponse): void {
  switch (mischief) {
    case 'garbage':
      response.end('<html>It works!</html>');
      break;
    case 'huge':
      Readable.from(huge()).pipe(response);
      break;
    case 'drip': {
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
      break;
    }
    case 'busy':
      response.statusCode = 429;
      response.end('slow down');
      break;
    case 'hang_up':
      response.destroy();
      break;
    case 'hang':
      break;
  }
}

function* huge(): Generator<Buffer> {
  for (let mebibytes = 0; mebibytes < 64; mebibytes += 1) yield HUGE;
}
