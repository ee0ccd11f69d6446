import type { Headers } from './exchange.ts';
import type { Field } from './hpack-tables.ts';

/** Of these a request has one; further ones are ignored, as Node does. All others are joined. */
const SINGLE = new Set([
  'age',
  'authorization',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-range',
  'content-type',
  'date',
  'etag',
  'expires',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'range',
  'referer',
  'user-agent',
]);
const PSEUDO = new Set([':method', ':scheme', ':authority', ':path']);
/** Of HTTP/1.1's connections. wire: RFC 9113, section 8.2.2. */
const FORBIDDEN = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** What no value holds. wire: RFC 9113, section 8.2.1; blanks around it are forgiven. */
const BROKEN_VALUE = /[\0\r\n]/;

/**
 * The header of a request, pseudo-fields included; undefined where it is malformed.
 * wire: RFC 9113, section 8.3.1.
 */
export function requestHeaders(fields: readonly Field[]): Headers | undefined {
  const headers: Record<string, string> = Object.create(null);
  let regular = false;
  for (const [name, text] of fields) {
    const value = trimmed(text);
    if (name.startsWith(':')) {
      if (regular || !PSEUDO.has(name) || headers[name] !== undefined) return undefined;
      if (BROKEN_VALUE.test(value)) return undefined;
      headers[name] = value;
      continue;
    }
    regular = true;
    if (!isRegular(name, value)) return undefined;
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (!SINGLE.has(name)) headers[name] = before + (name === 'cookie' ? '; ' : ', ') + value;
    else if (name === 'content-length' && before !== value) return undefined;
  }
  return isRequest(headers) ? headers : undefined;
}

/** Whether the fields after a body are well-formed; they mean nothing to us. */
export function areTrailers(fields: readonly Field[]): boolean {
  return fields.every(([name, value]) => isRegular(name, value));
}

/** Without blanks at its ends, which almost none has. */
function trimmed(text: string): string {
  const [first, last] = [text[0], text.at(-1)];
  const blank = first === ' ' || first === '\t' || last === ' ' || last === '\t';
  return blank ? text.replace(/^[\t ]+|[\t ]+$/g, '') : text;
}

function isRegular(name: string, value: string): boolean {
  if (!NAME.test(name) || BROKEN_VALUE.test(value) || FORBIDDEN.has(name)) return false;
  return name !== 'te' || value.toLowerCase() === 'trailers';
}

function isRequest(headers: Readonly<Record<string, string>>): boolean {
  const { ':method': method = '', ':path': path = '', ':scheme': scheme = '' } = headers;
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method) || method === 'CONNECT') return false;
  if (scheme === '') return false;
  const length = headers['content-length'];
  if (length !== undefined && !/^\d+$/.test(length)) return false;
  return path.startsWith('/') || (path === '*' && method === 'OPTIONS');
}
