import { randomBytes } from 'node:crypto';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { createKeccak } from 'hash-wasm';
import { bitsOf, SOFTWARE_BITS, writeCapabilities } from '../src/protocol/capabilities.ts';
import {
  NotifySegmentSchema,
  type OrchestratorInfo,
  RegisterRequestSchema,
} from '../src/protocol/gen/lp_rpc_pb.ts';
import { encodeSegment } from '../src/protocol/segment.ts';
import { decodeTranscodeResult } from '../src/protocol/transcode-result.ts';
import { type StockGateway, startStockGateway } from '../test/stock-gateway.ts';
import { createDownloads, type Downloaded } from './relay-h1.ts';
import { connectH2, type Fields, type H2Reply } from './relay-h2.ts';
import { type CannedMedia, markIn, nullPacket, PACKET_BYTES } from './relay-media.ts';

/** Bytes that make a segment unique: 8 of this run, 8 that count. */
const MARK_BYTES = 16;
const BOUNDARY = '58824b99823990de49cc';

/** One server under load: takes one segment at a time per session, returns its milliseconds. */
export interface Target {
  readonly name: string;
  readonly pid: number;
  open(sessions: number): Promise<Load>;
}

export interface Load {
  /**
   * Carries one segment through the server and checks what comes out: lengths and the mark at the
   * end of each rendition, or every byte of them.
   */
  once(session: number, everyByte?: boolean): Promise<number>;
  close(): Promise<void>;
}

/**
 * Runs `segments` through the sessions, each handing in its next when the last is answered, or
 * `perSecond` of them at even distances. Returns the milliseconds of each.
 */
export async function drive(
  load: Load,
  options: {
    readonly sessions: number;
    readonly segments: number;
    readonly perSecond?: number;
    readonly everyByte?: boolean;
  },
): Promise<number[]> {
  const { sessions, segments, perSecond, everyByte = false } = options;
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
      times.push(await load.once(session, everyByte));
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
  const workers = credentials.map((credential) => startCannedWorker(media, { port, credential }));
  return {
    close() {
      for (const worker of workers) worker.kill();
    },
  };
}

/**
 * A transcoder that posts the canned renditions, after `transcode` if that is given. As a stock
 * one does: one HTTP/2 connection for its tasks, one for its results, sources over HTTP/1.1.
 */
export function startCannedWorker(
  media: CannedMedia,
  options: {
    readonly port: number;
    readonly credential: string;
    readonly transcode?: () => Promise<void>;
  },
): { kill(): void } {
  const { port, credential, transcode } = options;
  const control = connectH2(port);
  const results = connectH2(port);
  const sources = createDownloads(port);

  const answer = async (message: Uint8Array) => {
    const task = fromBinary(NotifySegmentSchema, message);
    if (task.url === '') return; // a session is over
    const { pathname } = new URL(task.url);
    const source = await sources.get(pathname, { tailBytes: PACKET_BYTES });
    await transcode?.();
    const { head, body } = cannedPost(media, markIn(source.tail, MARK_BYTES));
    const reply = await results.post(
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
  };

  const register = create(RegisterRequestSchema, {
    secret: credential,
    capacity: 10n,
    capabilities: writeCapabilities({
      bits: SOFTWARE_BITS,
      capacities: 'one_each',
      version: '0.9.1',
    }),
  });
  let rest: Buffer = Buffer.alloc(0);
  control.subscribe(
    {
      ':path': '/net.Transcoder/RegisterTranscoder',
      'content-type': 'application/grpc',
      'user-agent': 'grpc-go/1.68.1',
      te: 'trailers',
    },
    framed(toBinary(RegisterRequestSchema, register)),
    (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
        const end = 5 + rest.readUInt32BE(1);
        answer(rest.subarray(5, end)).catch((error) => console.error(`a worker: ${error}`));
        rest = rest.subarray(end);
      }
    },
  );
  return {
    kill() {
      control.destroy();
      results.destroy();
      sources.destroy();
    },
  };
}

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
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
      const renditions = createDownloads(server.port);
      const infos = await Promise.all(Array.from({ length: sessions }, () => session(gateway)));
      const seqs = infos.map(() => 0n);
      const source = await createSource(media);
      return {
        async once(session, everyByte = false) {
          const info = infos[session] as OrchestratorInfo;
          const seq = seqs[session] as bigint;
          seqs[session] = seq + 1n;
          const { mark, hash, body } = source.next();
          const fields = segmentFields(media, { info, seq, hash, session });
          const startedAt = performance.now();
          const reply = await upload.post(fields, body);
          const came = await Promise.all(
            urlsOf(reply).map((url) =>
              renditions.get(new URL(url).pathname, { tailBytes: PACKET_BYTES, whole: everyByte }),
            ),
          );
          const took = performance.now() - startedAt;
          check(media, mark, came);
          return took;
        },
        async close() {
          await Promise.all(infos.map(({ authToken }) => gateway.endSession(authToken)));
          gateway.close();
          upload.destroy();
          renditions.destroy();
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
      const downloads = createDownloads(server.portOut);
      const source = await createSource(media);
      const get = (path: string) => downloads.get(path, { tailBytes: PACKET_BYTES });
      return {
        async once() {
          const { mark, body } = source.next();
          const startedAt = performance.now();
          await upload.post({ ':path': '/in' }, body);
          await get('/source');
          await results.post({ ':path': '/in' }, cannedPost(media, mark).body);
          await Promise.all(media.renditions.map((_, index) => get(`/${index}`)));
          return performance.now() - startedAt;
        },
        async close() {
          upload.destroy();
          results.destroy();
          downloads.destroy();
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

function segmentFields(
  media: CannedMedia,
  segment: { info: OrchestratorInfo; seq: bigint; hash: Uint8Array; session: number },
): Fields {
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

function check(media: CannedMedia, mark: Buffer, came: readonly Downloaded[]): void {
  if (came.length !== media.renditions.length) throw new Error('a rendition is missing');
  for (const [index, { bytes }] of media.renditions.entries()) {
    const { length, tail, whole } = came[index] as Downloaded;
    const expected = tailOf(mark, index);
    const good =
      length === bytes.length + expected.length &&
      tail.equals(expected) &&
      (whole === undefined || whole.compare(bytes, 0, bytes.length, 0, bytes.length) === 0);
    if (!good) throw new Error(`rendition ${index} is not what its worker posted`);
  }
}

function urlsOf(reply: H2Reply): string[] {
  if (reply.status !== 200) throw new Error(`/segment: ${reply.status} ${reply.body}`);
  const decoded = decodeTranscodeResult(reply.body);
  if (!decoded.ok) throw new Error(`the result cannot be read: ${decoded.reason}`);
  const { result } = decoded.result;
  if (result.kind === 'failed') throw new Error(`a segment failed: ${result.text}`);
  return result.renditions.map(({ url }) => url);
}
