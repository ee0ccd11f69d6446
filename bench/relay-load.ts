import { randomBytes } from 'node:crypto';
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2';
import { Agent, get } from 'node:https';
import { createKeccak } from 'hash-wasm';
import { bitsOf } from '../src/protocol/capabilities.ts';
import type { OrchestratorInfo } from '../src/protocol/gen/lp_rpc_pb.ts';
import { encodeSegment } from '../src/protocol/segment.ts';
import { decodeTranscodeResult } from '../src/protocol/transcode-result.ts';
import { type StockGateway, startStockGateway } from '../test/stock-gateway.ts';
import { type StockTranscoder, startStockTranscoder } from '../test/stock-transcoder.ts';
import { type CannedMedia, markOf, nullPacket } from './relay-media.ts';

/** Bytes that make a segment unique: 8 of this run, 8 that count. */
const MARK_BYTES = 16;
/** wire: Go's http.Transport keeps two idle connections per host; further downloads dial anew. */
const IDLE_CONNECTIONS = 2;
/** A stock gateway gives a 2 s segment this long. */
const CALL_MS = 8_000;
/** Eight segments wait in one connection; Node's default of 10 MiB would cut it. */
const SESSION_MEMORY_MIB = 100;
const BOUNDARY = '58824b99823990de49cc';

/** One server under load: takes one segment at a time per session, returns its milliseconds. */
export interface Target {
  readonly name: string;
  readonly pid: number;
  open(sessions: number): Promise<Load>;
}

export interface Load {
  /** Carries one segment through the server and checks what comes out. */
  once(session: number): Promise<number>;
  close(): Promise<void>;
}

/**
 * Runs `segments` through the sessions, each handing in its next when the last is answered, or
 * `perSecond` of them at even distances. Returns the milliseconds of each.
 */
export async function drive(
  load: Load,
  options: { readonly sessions: number; readonly segments: number; readonly perSecond?: number },
): Promise<number[]> {
  const { sessions, segments, perSecond } = options;
  const times: number[] = [];
  const startedAt = performance.now();
  let next = 0;
  const one = async (session: number) => {
    while (next < segments) {
      const number = next++;
      if (perSecond) {
        const due = startedAt + (number / perSecond) * 1000 - performance.now();
        if (due > 0) await new Promise((resolve) => setTimeout(resolve, due));
      }
      times.push(await load.once(session));
    }
  };
  await Promise.all(Array.from({ length: sessions }, (_, session) => one(session)));
  return times;
}

/** Connects canned workers: they answer the moment they have the source. */
export async function startCannedWorkers(
  media: CannedMedia,
  options: { readonly port: number; readonly credentials: readonly string[] },
): Promise<{ close(): void }> {
  const { port, credentials } = options;
  const workers = await Promise.all(
    credentials.map((credential) => startCannedWorker(media, { port, credential })),
  );
  return {
    close() {
      for (const worker of workers) worker.kill();
    },
  };
}

/** A stock transcoder that posts the canned renditions, after `transcode` if that is given. */
export async function startCannedWorker(
  media: CannedMedia,
  options: {
    readonly port: number;
    readonly credential: string;
    readonly transcode?: () => Promise<void>;
  },
): Promise<{ kill(): void }> {
  const { port, credential, transcode } = options;
  const results = connectH2(port);
  const worker: StockTranscoder = startStockTranscoder({
    port,
    credential,
    capacity: 10,
    async answer(task, source) {
      await transcode?.();
      const { head, body } = cannedPost(media, markOf(source, MARK_BYTES));
      const reply = await exchange(
        results,
        {
          ':path': '/transcodeResults',
          authorization: 'Livepeer-Transcoder-1.0',
          credentials: credential,
          taskid: task.taskId.toString(),
          pixels: '55296000',
          'accept-encoding': 'gzip',
          'user-agent': 'Go-http-client/2.0',
          ...head,
        },
        body,
      );
      if (reply.status !== 200) console.error(`a result got ${reply.status}: ${reply.body}`);
      return { kind: 'silence' }; // it was posted here, without copying it together first
    },
  });
  await worker.registered;
  return {
    kill() {
      worker.kill();
      results.destroy();
    },
  };
}

/** An orchestrator as its gateway sees it. */
export function orchestratorTarget(
  name: string,
  media: CannedMedia,
  server: { readonly pid: number; readonly port: number },
): Target {
  return {
    name,
    pid: server.pid,
    async open(sessions) {
      const gateway = startStockGateway(server.port);
      const upload = connectH2(server.port);
      const agent = downloads();
      const infos = await Promise.all(Array.from({ length: sessions }, () => session(gateway)));
      const seqs = infos.map(() => 0n);
      const source = await createSource(media);
      return {
        async once(session) {
          const info = infos[session] as OrchestratorInfo;
          const seq = seqs[session] as bigint;
          seqs[session] = seq + 1n;
          const { mark, hash, body } = source.next();
          const headers = segmentHeaders(media, { info, seq, hash, session });
          const startedAt = performance.now();
          const reply = await exchange(upload, headers, body);
          const renditions = await Promise.all(
            urlsOf(reply).map((url) => download(new URL(url), agent)),
          );
          const took = performance.now() - startedAt;
          check(media, mark, renditions);
          return took;
        },
        async close() {
          await Promise.all(infos.map(({ authToken }) => gateway.endSession(authToken)));
          gateway.close();
          upload.destroy();
          agent.destroy();
        },
      };
    },
  };
}

/** The bare TLS server of `relay-floor.ts`: the same bytes each way, nothing between. */
export function floorTarget(
  media: CannedMedia,
  server: { readonly pid: number; readonly portIn: number; readonly portOut: number },
): Target {
  return {
    name: 'floor',
    pid: server.pid,
    async open() {
      const upload = connectH2(server.portIn);
      const results = connectH2(server.portIn);
      const agent = downloads();
      const origin = `https://127.0.0.1:${server.portOut}`;
      const source = await createSource(media);
      return {
        async once() {
          const { mark, body } = source.next();
          const startedAt = performance.now();
          await exchange(upload, { ':path': '/in' }, body);
          await download(new URL('/source', origin), agent);
          await exchange(results, { ':path': '/in' }, cannedPost(media, mark).body);
          await Promise.all(
            media.renditions.map((_, index) => download(new URL(`/${index}`, origin), agent)),
          );
          return performance.now() - startedAt;
        },
        async close() {
          upload.destroy();
          results.destroy();
          agent.destroy();
        },
      };
    },
  };
}

async function session(gateway: StockGateway): Promise<OrchestratorInfo> {
  // The workers have registered, but the server may not have read it yet.
  for (let tries = 0; ; tries++) {
    const reply = await gateway.getOrchestrator();
    if (reply.ok && (reply.message.capabilities || tries > 20)) return reply.message;
    if (tries > 50) throw new Error(reply.ok ? 'no capabilities' : reply.text);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function segmentHeaders(
  media: CannedMedia,
  segment: { info: OrchestratorInfo; seq: bigint; hash: Uint8Array; session: number },
): OutgoingHttpHeaders {
  const { info, seq, hash } = segment;
  return {
    ':path': '/segment',
    'livepeer-segment': encodeSegment({
      manifestId: Buffer.from(`bench-${segment.session}`),
      seq,
      hash,
      profiles: media.profiles,
      sig: new Uint8Array(0),
      durationMs: 2_000,
      caps: {
        bits: bitsOf('AuthToken', 'SegmentSlicing', 'H264', 'MPEGTS'),
        words: 1,
        minVersion: '',
      },
      ...(info.authToken ? { authToken: info.authToken } : {}),
      calcPerceptualHash: false,
      forceSessionReinit: false,
    }),
    'livepeer-payment': '',
    'content-type': 'video/MP2T',
    'content-length': media.source.length + nullPacket(Buffer.alloc(0)).length,
    'accept-encoding': 'gzip',
    'user-agent': 'Go-http-client/2.0',
  };
}

/** Sources that differ in their last packet, with hashes that cost only that packet. */
async function createSource({ source }: CannedMedia) {
  const keccak = await createKeccak(256);
  const begun = keccak.init().update(source).save();
  const run = randomBytes(8);
  let count = 0n;
  return {
    next() {
      const mark = Buffer.alloc(MARK_BYTES);
      run.copy(mark);
      mark.writeBigUInt64BE(count++, 8);
      const tail = nullPacket(mark);
      const hash = keccak.load(begun).update(tail).digest('binary');
      return { mark, hash, body: [source, tail] };
    },
  };
}

/** A worker's answer: the canned renditions, each with the mark of its source. */
function cannedPost(media: CannedMedia, mark: Buffer) {
  const body: Buffer[] = [];
  for (const [index, { bytes, pixels }] of media.renditions.entries()) {
    const tail = tailOf(mark, index);
    const start = index === 0 ? '' : '\r\n';
    const head = [
      `${start}--${BOUNDARY}`,
      `Content-Length: ${bytes.length + tail.length}`,
      'Content-Type: video/mp2t',
      `Pixels: ${pixels}`,
      '\r\n',
    ].join('\r\n');
    body.push(Buffer.from(head), bytes, tail);
  }
  body.push(Buffer.from(`\r\n--${BOUNDARY}--\r\n`));
  const head = {
    'content-type': `multipart/mixed; boundary=${BOUNDARY}`,
    'content-length': body.reduce((sum, { length }) => sum + length, 0),
  };
  return { head, body };
}

const tailOf = (mark: Buffer, index: number): Buffer =>
  nullPacket(Buffer.concat([mark, Buffer.from([index])]));

function check(media: CannedMedia, mark: Buffer, renditions: readonly Buffer[]): void {
  if (renditions.length !== media.renditions.length) throw new Error('a rendition is missing');
  for (const [index, { bytes }] of media.renditions.entries()) {
    const came = renditions[index] as Buffer;
    const whole =
      came.length === bytes.length + tailOf(mark, index).length &&
      came.compare(bytes, 0, bytes.length, 0, bytes.length) === 0 &&
      came.compare(tailOf(mark, index), 0, undefined, bytes.length) === 0;
    if (!whole) throw new Error(`rendition ${index} is not what its worker posted`);
  }
}

function urlsOf(reply: { status: number; body: Buffer }): string[] {
  if (reply.status !== 200) throw new Error(`/segment: ${reply.status} ${reply.body}`);
  const decoded = decodeTranscodeResult(reply.body);
  if (!decoded.ok) throw new Error(`the result cannot be read: ${decoded.reason}`);
  const { result } = decoded.result;
  if (result.kind === 'failed') throw new Error(`a segment failed: ${result.text}`);
  return result.renditions.map(({ url }) => url);
}

function connectH2(port: number): ClientHttp2Session {
  const session = connect(`https://127.0.0.1:${port}`, {
    rejectUnauthorized: false,
    settings: { initialWindowSize: 4 * 1024 * 1024 },
    maxSessionMemory: SESSION_MEMORY_MIB,
  });
  session.on('error', () => {}); // seen by the request that was under way
  return session;
}

/** wire: a stock gateway downloads over HTTP/1.1 and resumes no TLS session. */
function downloads(): Agent {
  return new Agent({
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    keepAlive: true,
    maxFreeSockets: IDLE_CONNECTIONS,
    maxCachedSessions: 0,
  });
}

function exchange(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body: readonly Buffer[],
): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ...headers }, { endStream: false });
    const pieces: Buffer[] = [];
    let status = 0;
    stream.setTimeout(CALL_MS, () => reject(new Error('no answer within 8 s')));
    stream.on('response', (received) => {
      status = Number(received[':status']);
    });
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('end', () => resolve({ status, body: Buffer.concat(pieces) }));
    stream.on('error', reject);
    stream.on('close', () => reject(new Error(`the stream was cut (${stream.rstCode})`)));
    stream.cork();
    for (const piece of body) stream.write(piece);
    stream.end();
    stream.uncork();
  });
}

function download(url: URL, agent: Agent): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent, timeout: CALL_MS }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(pieces));
        else reject(new Error(`${url.pathname}: ${response.statusCode}`));
      });
    });
    request.on('error', reject);
    request.on('timeout', () => request.destroy(new Error('no answer within 8 s')));
  });
}
