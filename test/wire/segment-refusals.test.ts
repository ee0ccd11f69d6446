import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { keccak256 } from '../../src/base/keccak.ts';
import { bitsOf } from '../../src/protocol/capabilities.ts';
import {
  type OrchestratorInfo,
  OSInfo_StorageType,
  OSInfoSchema,
  PaymentSchema,
  type SegData,
  SegDataSchema,
} from '../../src/protocol/gen/lp_rpc_pb.ts';
import { presets } from '../../src/protocol/profile-presets.ts';
import { writeSegData } from '../../src/protocol/segment.ts';
import { encodeProfile } from '../../src/protocol/video-profile.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { openRequest, protocols } from '../raw-request.ts';
import { startPoolWithWorker } from '../start-pool-with-worker.ts';
import { segmentOf } from '../stock-gateway.ts';

const { pool, gateway } = await startPoolWithWorker({ after });

/** A request that would be accepted, before a fault is put into it. */
interface Draft {
  payment: string;
  /** Instead of the message. */
  header?: string;
  message: SegData;
  type: string;
  body: Buffer;
  declared?: number;
}

interface Fault {
  /** The row of go-livepeer's order of checks. */
  readonly row: number;
  readonly name: string;
  readonly status: number;
  readonly text: string | RegExp;
  put(draft: Draft): void;
}

const GARBAGE = Buffer.from('ffffffffffff', 'hex').toString('base64');
const profile = (changes: object) =>
  Object.assign(encodeProfile(presets.P240p30fps16x9, { colour: true }), changes);

/** wire: go-livepeer server/segment_rpc.go; off-chain there is no row for signature and payment. */
const faults: readonly Fault[] = [
  {
    row: 1,
    name: 'a payment that is not base64',
    status: 402,
    text: /^base64 decode error: /,
    put(draft) {
      draft.payment = 'no base64!';
    },
  },
  {
    row: 2,
    name: 'a payment that is not protobuf',
    status: 402,
    text: /^protobuf unmarshal error: /,
    put(draft) {
      draft.payment = GARBAGE;
    },
  },
  {
    row: 3,
    name: 'a header that is not base64',
    status: 403,
    text: 'ErrorSegEncoding',
    put(draft) {
      draft.header = '%%%%';
    },
  },
  {
    row: 4,
    name: 'a header that is not protobuf',
    status: 403,
    text: /^proto: /,
    put(draft) {
      draft.header = GARBAGE;
    },
  },
  {
    row: 5,
    name: 'an unknown container',
    status: 403,
    text: 'unrecognized profile output format',
    put({ message }) {
      message.fullProfiles = [profile({ format: 7 })];
    },
  },
  {
    row: 5.5,
    name: 'a duration of 301 s',
    status: 403,
    text: 'invalid duration',
    put({ message }) {
      message.duration = 301_000;
    },
  },
  {
    row: 7,
    name: 'HEVC, which nobody here encodes',
    status: 403,
    text: 'incompatible capabilities',
    put({ message }) {
      const bits = bitsOf('AuthToken', 'HEVCEncode');
      message.capabilities = { ...message.capabilities, bitstring: [bits] } as never;
    },
  },
  {
    row: 8,
    name: 'no token',
    status: 403,
    text: 'missing auth token',
    put({ message }) {
      delete message.authToken;
    },
  },
  {
    row: 9,
    name: 'a token of somebody else',
    status: 403,
    text: 'invalid auth token',
    put({ message }) {
      const { authToken } = message;
      if (authToken) message.authToken = { ...authToken, token: Buffer.alloc(32, 7) };
    },
  },
  {
    row: 15,
    name: 'a body above 300 MB',
    status: 500,
    text: 'Internal Server Error',
    put(draft) {
      draft.declared = 300_000_001;
      draft.message.duration = Math.max(draft.message.duration, 300_000);
    },
  },
  {
    row: 16,
    name: 'a URL that may not be fetched',
    status: 400,
    text: 'BadRequest',
    put(draft) {
      draft.type = 'application/vnd+livepeer.uri';
      draft.body = Buffer.from('http://127.0.0.1:1/segment.ts');
    },
  },
  {
    row: 17,
    name: 'a hash of other bytes',
    status: 403,
    text: 'Forbidden',
    put({ message }) {
      message.hash = keccak256(Buffer.from('other'));
    },
  },
];

async function draft(info: OrchestratorInfo, source: Buffer): Promise<Draft> {
  const message = writeSegData(segmentOf(info, source), 'gateway');
  return { payment: '', message, type: 'video/MP2T', body: source };
}

async function send(draft: Draft, protocol: (typeof protocols)[number] = 'h2') {
  const header =
    draft.header ?? Buffer.from(toBinary(SegDataSchema, draft.message)).toString('base64');
  const request = openRequest(pool.port, {
    protocol,
    path: '/segment',
    headers: {
      'livepeer-segment': header,
      'livepeer-payment': draft.payment,
      'content-type': draft.type,
      'content-length': draft.declared ?? draft.body.length,
    },
  });
  await request.write(draft.body);
  if (draft.declared === undefined) request.end();
  const reply = { status: await request.status, text: (await request.body).toString() };
  request.destroy();
  return reply;
}

function assertRefused(reply: { status: number; text: string }, fault: Fault, what: string): void {
  assert.equal(reply.status, fault.status, `${what}: ${reply.text}`);
  if (typeof fault.text === 'string') assert.equal(reply.text, `${fault.text}\n`, what);
  else assert.match(reply.text, fault.text, what);
  assert.ok(reply.text.endsWith('\n') && reply.text.length < 200, what);
}

for (const protocol of protocols) {
  test(`each fault of a segment has its status and text over ${protocol}`, async () => {
    const info = await gateway.session();
    for (const fault of faults) {
      const request = await draft(info, await stampedSource());
      fault.put(request);
      assertRefused(await send(request, protocol), fault, fault.name);
    }
  });
}

test('of two faults the one that a stock orchestrator sees first is named', async () => {
  const info = await gateway.session();
  const source = await stampedSource();
  /** Faults in the same place cannot be there together. */
  const place = ({ row }: Fault) => [0, 1, 1, 2, 2][Math.floor(row)] ?? row;
  const together = (one: Fault, other: Fault) =>
    place(one) < place(other) &&
    !(one.row === 3 || one.row === 4) &&
    !(one.row === 8 && other.row === 9) &&
    !(one.row === 15 && other.row === 16);
  for (const earlier of faults) {
    for (const later of faults.filter((other) => together(earlier, other))) {
      const request = await draft(info, source);
      later.put(request);
      earlier.put(request);
      assertRefused(await send(request), earlier, `${earlier.name} and ${later.name}`);
    }
  }
});

test('unknown values of each enum have a text of their own', async () => {
  const info = await gateway.session();
  const source = await stampedSource();
  const texts = [
    [{ format: 2 }, 'unrecognized profile output format'],
    [{ profile: 5 }, 'unrecognized encoder profile'],
    [{ encoder: 4 }, 'unrecognized video codec'],
    // Several at once: format before profile before codec.
    [{ format: -1, profile: 99, encoder: 99 }, 'unrecognized profile output format'],
    [{ profile: 99, encoder: 99 }, 'unrecognized encoder profile'],
  ] as const;
  for (const [changes, text] of texts) {
    for (const list of ['fullProfiles', 'fullProfiles2', 'fullProfiles3'] as const) {
      const request = await draft(info, source);
      request.message.fullProfiles = [];
      request.message[list] = [profile({}), profile(changes)];
      assert.deepEqual(await send(request), { status: 403, text: `${text}\n` });
    }
  }
});

test('a segment that nobody can transcode is refused with a text that blames the input', async () => {
  const info = await gateway.session();
  const source = await stampedSource();
  const refusals = [
    [[], 'TranscoderUnrecognizedProfile'],
    [[profile({ width: 0 })], 'TranscoderInvalidResolution'],
    [[profile({ width: 100_000 })], 'TranscoderInvalidResolution'],
    [[profile({ height: -2 })], 'TranscoderInvalidResolution'],
    [[profile({ gop: -2 })], 'TranscoderInvalidGOP'],
    [[profile({ fps: 4_000_000_000 })], 'Invalid argument'],
    [[profile({ name: '../../etc/passwd' })], 'TranscoderUnrecognizedProfile'],
    [[profile({ name: '..' })], 'TranscoderUnrecognizedProfile'],
    [[profile({ name: 'a\0b' })], 'TranscoderUnrecognizedProfile'],
    [[profile({ name: 'x'.repeat(4096) })], 'TranscoderUnrecognizedProfile'],
    [Array(11).fill(profile({})), 'Too many outputs'],
  ] as const;
  for (const [profiles, text] of refusals) {
    const request = await draft(info, source);
    request.message.fullProfiles = [...profiles];
    assert.deepEqual(await send(request), { status: 403, text: `${text}\n` });
  }
});

test('a stream whose name could be a path is refused, one with an odd name is not', async () => {
  const info = await gateway.session();
  const source = await stampedSource();
  for (const manifestId of ['../a', 'a/../b', 'a\0b', 'x'.repeat(4096)]) {
    const request = await draft(info, source);
    request.message.manifestId = Buffer.from(manifestId);
    assert.deepEqual(await send(request), { status: 403, text: 'Invalid argument\n' });
  }
  const odd = await gateway.submit(info, await stampedSource(), {
    manifestId: Buffer.from('stream of Zoë?&#/..x'),
  });
  assert.equal(odd.result?.result.kind, 'done');
});

test('a submessage that is missing is no crash', async () => {
  const info = await gateway.session();
  const source = await stampedSource();
  const withoutStore = await draft(info, source);
  withoutStore.message.storage = [create(OSInfoSchema, { storageType: OSInfo_StorageType.S3 })];
  assert.deepEqual(await send(withoutStore), { status: 403, text: 'Invalid argument\n' });

  const bare = await draft(info, source);
  bare.header = Buffer.from(toBinary(SegDataSchema, create(SegDataSchema))).toString('base64');
  assert.equal((await send(bare)).status, 403);

  const noHeader = await draft(info, source);
  noHeader.header = '';
  assert.equal((await send(noHeader)).status, 403);

  const noCapabilities = await draft(info, source);
  delete noCapabilities.message.capabilities;
  assert.equal((await send(noCapabilities)).status, 200, 'an absent set is the empty set');
});

test('only what a gateway signs is bound to the hash: bit rate and duration may differ', async () => {
  const info = await gateway.session();
  const source = await stampedSource();
  const changed = { ...presets.P240p30fps16x9, bitrate: 1_234_567 };
  const reply = await gateway.submit(info, source, { profiles: [changed], durationMs: 1_900 });
  assert.equal(reply.result?.result.kind, 'done');
});

for (const protocol of protocols) {
  test(`a payment header of 600 tickets fits over ${protocol}`, async () => {
    const tickets = Array.from({ length: 600 }, (_, senderNonce) => ({
      senderNonce,
      sig: Buffer.alloc(65, senderNonce),
    }));
    const payment = create(PaymentSchema, {
      sender: new Uint8Array(20),
      ticketSenderParams: tickets,
    });
    const request = await draft(await gateway.session(), await stampedSource());
    request.payment = Buffer.from(toBinary(PaymentSchema, payment)).toString('base64');
    assert.ok(request.payment.length > 57_000);
    assert.equal((await send(request, protocol)).status, 200);
  });
}

test('an unnamed profile gets the name that its gateway signs', async () => {
  const info = await gateway.session();
  const request = await draft(info, await stampedSource());
  request.message.fullProfiles = [profile({ name: '' })];
  assert.equal((await send(request)).status, 200);
});
