import type { SMTPError } from 'nodemailer/lib/smtp-connection/index.js';
import type { Clock } from '../base/clock.ts';
import { cutTo, type Letter, type Sender, type SendOutcome } from './letter.ts';

/** Each step of the talk with the server. */
const STEP_MS = 10_000;
/** All of it: a server that sends a byte now and then must not hold a place for ever. */
const WHOLE_MS = 45_000;
const SUBJECT_CHARACTERS_MAX = 150;

/** The operator's mail server. */
export interface SmtpPlace {
  /** `smtp://` or `smtps://`, with user and password where it asks for them. */
  readonly url: string;
  /** The address that mails come from. */
  readonly from: string;
  readonly stepMs?: number;
  readonly wholeMs?: number;
}

/**
 * Sends plain text by SMTP, one connection for each mail. The library is loaded with the first mail. A
 * password goes over TLS alone, unless the server is on this machine.
 */
export function emailSender(place: SmtpPlace, clock: Pick<Clock, 'after'>): Sender<'email'> {
  const stepMs = place.stepMs ?? STEP_MS;
  const wholeMs = place.wholeMs ?? WHOLE_MS;
  const domain = place.from.split('@').at(-1) ?? 'localhost';

  async function send(address: string, letter: Letter, ended: Promise<void>): Promise<SendOutcome> {
    const { createTransport } = await import('nodemailer');
    const url = new URL(place.url);
    const secure = url.protocol === 'smtps:';
    const isHere = ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
    const user = decodeURIComponent(url.username);
    const transport = createTransport({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port) || (secure ? 465 : 587),
      secure,
      requireTLS: !secure && user !== '' && !isHere,
      ...(user === '' ? {} : { auth: { user, pass: decodeURIComponent(url.password) } }),
      ...{ connectionTimeout: stepMs, greetingTimeout: stepMs },
      ...{ socketTimeout: stepMs, dnsTimeout: stepMs },
      // A mail is text of ours: it holds nothing to be read from files or fetched.
      ...{ disableFileAccess: true, disableUrlAccess: true },
    });
    void ended.then(() => transport.close());
    try {
      await transport.sendMail({
        from: { name: headerText(letter.pool), address: place.from },
        to: address,
        subject: cutTo(headerText(`${letter.title} (${letter.pool})`), SUBJECT_CHARACTERS_MAX),
        text: `${letter.text}\n\n-- \n${letter.pool}\nYou chose these notices on the pages of the pool, and can change that there.\n`,
        messageId: `<${letter.id}@${domain}>`,
        // No answer of a machine, please.
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
      });
      return { ok: true };
    } catch (error) {
      return outcomeOfError(error as SMTPError);
    } finally {
      transport.close();
    }
  }

  return async ({ address }, letter) => {
    const ended = Promise.withResolvers<void>();
    const late = Promise.withResolvers<SendOutcome>();
    const timer = clock.after(wholeMs, () => {
      ended.resolve();
      late.resolve({ ok: false, reason: 'timed_out', again: 'later' });
    });
    try {
      return await Promise.race([send(address, letter, ended.promise), late.promise]);
    } catch {
      return { ok: false, reason: 'unreachable', again: 'later' };
    } finally {
      timer.cancel();
      ended.resolve();
    }
  };
}

/** RFC 5321: 4xx passes by itself, 5xx does not. A mailbox that is not there (5.1.1) is gone. */
function outcomeOfError({ responseCode, code, response }: SMTPError): SendOutcome {
  if (code === 'EAUTH') return { ok: false, reason: 'login_refused', again: 'later' };
  if (responseCode === undefined) {
    const reason = code === 'ETIMEDOUT' ? 'timed_out' : 'unreachable';
    return { ok: false, reason, again: 'later' };
  }
  const reason = `smtp_${responseCode}`;
  if (responseCode < 500) return { ok: false, reason, again: 'later' };
  const isGone = /\b5\.1\.[126]\b/.test(response ?? '');
  return { ok: false, reason, again: isGone ? 'gone' : 'never' };
}

/** One line without control characters: nothing in it begins another header. */
function headerText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').trim();
}
