import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { type Instant, systemClock } from '../base/clock.ts';
import { emailSender } from './email-sender.ts';
import type { Letter } from './letter.ts';

// Real servers of SMTP: the package smtp-server, and one that takes connections and says nothing.

interface Mail {
  readonly to: readonly string[];
  readonly text: string;
}

async function startMailServer(options: SMTPServerOptions = {}) {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, session, done) {
      const pieces: Buffer[] = [];
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', () => {
        const to = session.envelope.rcptTo.map(({ address }) => address);
        mails.push({ to, text: Buffer.concat(pieces).toString('utf8') });
        done();
      });
    },
    ...options,
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve());
  });
  after(() => new Promise<void>((resolve) => server.close(resolve)));
  const { port } = server.server.address() as AddressInfo;
  return { mails, url: `smtp://127.0.0.1:${port}` };
}

const letter = (given: Partial<Letter> = {}): Letter => ({
  id: '018f2b1e-0000-4000-8000-000000000001',
  pool: 'Rivermouth',
  notices: [],
  title: 'kiln-2 is offline',
  text: 'No machine of it is connected.\nAffected: the worker kiln-2.',
  at: 0 as Instant,
  ...given,
});
const from = 'pool@example.org';
const to = { type: 'email', address: 'owner@example.net' } as const;

test('a notice arrives as plain text, from the address of the pool', async () => {
  const { mails, url } = await startMailServer();
  assert.deepEqual(await emailSender({ url, from }, systemClock)(to, letter()), { ok: true });
  const [mail] = mails;
  assert.deepEqual(mail?.to, ['owner@example.net']);
  assert.match(mail?.text ?? '', /^From: Rivermouth <pool@example\.org>/m);
  assert.match(mail?.text ?? '', /^Subject: kiln-2 is offline \(Rivermouth\)/m);
  assert.match(mail?.text ?? '', /^Content-Type: text\/plain/m);
  assert.match(mail?.text ?? '', /Affected: the worker kiln-2\./);
  assert.match(
    mail?.text ?? '',
    /^Message-ID: <018f2b1e-0000-4000-8000-000000000001@example\.org>/m,
  );
});

test('a title with line breaks and tags begins no other header', async () => {
  const { mails, url } = await startMailServer();
  const odd = letter({ title: 'a\r\nBcc: victim@example.com\r\n\r\n<b>b</b>' });
  assert.deepEqual(await emailSender({ url, from }, systemClock)(to, odd), { ok: true });
  assert.deepEqual(mails[0]?.to, ['owner@example.net']);
  assert.doesNotMatch(mails[0]?.text ?? '', /^Bcc:/m);
});

test('a server that hangs is left, and tried again later', async () => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => void sockets.add(socket));
  await new Promise<void>((resolve) => {
    silent.listen(0, '127.0.0.1', resolve);
  });
  after(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const url = `smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const send = emailSender({ url, from, stepMs: 60_000, wholeMs: 300 }, systemClock);
  const outcome = await send(to, letter());
  assert.deepEqual(outcome, { ok: false, reason: 'timed_out', again: 'later' });
});

test('a mailbox that is not there is given up, a full one and a wrong password are not', async () => {
  const refusing = (code: number, text: string) =>
    startMailServer({
      onRcptTo(_address, _session, done) {
        done(Object.assign(new Error(text), { responseCode: code }));
      },
    });
  const sendBy = async (url: string) => emailSender({ url, from }, systemClock)(to, letter());
  const unknown = await sendBy((await refusing(550, '5.1.1 no such user here')).url);
  assert.deepEqual(unknown, { ok: false, reason: 'smtp_550', again: 'gone' });
  const spam = await sendBy((await refusing(554, '5.7.1 this looks like spam')).url);
  assert.deepEqual(spam, { ok: false, reason: 'smtp_554', again: 'never' });
  const full = await sendBy((await refusing(452, '4.2.2 mailbox full')).url);
  assert.deepEqual(full, { ok: false, reason: 'smtp_452', again: 'later' });
  const { url } = await startMailServer({
    onAuth(_auth, _session, done) {
      done(new Error('no'));
    },
  });
  const asUser = url.replace('smtp://', 'smtp://me:wrong@');
  assert.deepEqual(await sendBy(asUser), { ok: false, reason: 'login_refused', again: 'later' });
  const nobody = await sendBy('smtp://127.0.0.1:1');
  assert.deepEqual(nobody, { ok: false, reason: 'unreachable', again: 'later' });
});
