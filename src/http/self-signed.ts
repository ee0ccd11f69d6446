import { createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { parseAddress } from './address.ts';

/**
 * Makes a self-signed X.509 v3 certificate for a P-256 key, in PEM: CA true, server
 * authentication, SAN of `host` as DNS name, as a stock orchestrator's has it even for an IP
 * address (wire: go-livepeer server/cert.go), and as IP address too if it is one.
 *
 * Written out in DER here, 60 lines, because the library for it needs a global polyfill.
 */
export function selfSigned(options: {
  key: KeyObject;
  host: string;
  notBefore: Date;
  notAfter: Date;
  /** Of its subject; left out: the program's. */
  name?: string;
}): string {
  const { key, host } = options;
  const name = der(0x30, der(0x31, der(0x30, oid('2.5.4.3'), utf8(options.name ?? 'Tributary'))));
  const algorithm = der(0x30, oid('1.2.840.10045.4.3.2')); // ecdsa-with-SHA256
  const body = der(
    0x30,
    der(0xa0, integer(Buffer.from([2]))),
    integer(serial()),
    algorithm,
    name,
    der(0x30, time(options.notBefore), time(options.notAfter)),
    name,
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    der(0xa3, der(0x30, ...extensions(host))),
  );
  const signature = sign('sha256', body, key);
  const certificate = der(0x30, body, algorithm, bitString(0, signature));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function extensions(host: string): Buffer[] {
  const names = [der(0x82, Buffer.from(host, 'latin1'))];
  if (isIP(host)) names.push(der(0x87, addressBytes(host)));
  return [
    extension('2.5.29.19', true, der(0x30, der(0x01, Buffer.from([0xff])))), // CA: true
    // digitalSignature, keyCertSign
    extension('2.5.29.15', true, bitString(2, Buffer.from([0x84]))),
    extension('2.5.29.37', false, der(0x30, oid('1.3.6.1.5.5.7.3.1'))), // server authentication
    extension('2.5.29.17', false, der(0x30, ...names)),
  ];
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [der(0x01, Buffer.from([0xff]))] : [];
  return der(0x30, oid(id), ...flag, der(0x04, value));
}

/** Tag, length, contents. */
function der(tag: number, ...contents: Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const size = Buffer.alloc(2);
  size.writeUInt16BE(body.length);
  return Buffer.concat([Buffer.from([tag, 0x82]), size, body]);
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const digits = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return der(0x06, Buffer.from(bytes));
}

function integer(bytes: Buffer): Buffer {
  return der(0x02, bytes);
}

/** Positive, so its first bit is zero, and never starting with a zero byte. */
function serial(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40;
  return bytes;
}

function bitString(unusedBits: number, bytes: Buffer): Buffer {
  return der(0x03, Buffer.from([unusedBits]), bytes);
}

function utf8(text: string): Buffer {
  return der(0x0c, Buffer.from(text));
}

/** UTCTime until 2049, GeneralizedTime from 2050 on, as RFC 5280 4.1.2.5 has it. */
function time(date: Date): Buffer {
  const digits = `${date.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
  const utc = date.getUTCFullYear() < 2050;
  return der(utc ? 0x17 : 0x18, Buffer.from(utc ? digits.slice(2) : digits));
}

function addressBytes(host: string): Buffer {
  const groups = parseAddress(host) ?? [];
  return Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}
