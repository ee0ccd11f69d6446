import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { pinOf } from '../src/http/client-dial.ts';
import { selfSigned as certify } from '../src/http/self-signed.ts';

/** A certificate that nobody vouches for, as Livepeer peers show. */
export interface SelfSigned {
  readonly cert: string;
  readonly key: string;
  readonly pin: string;
}

/** Makes one; takes a few milliseconds. */
export function selfSigned(): SelfSigned {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const cert = certify({
    key,
    host: '127.0.0.1',
    notBefore: new Date('2020-01-01'),
    notAfter: new Date('2040-01-01'),
  });
  return {
    cert,
    key: key.export({ type: 'pkcs8', format: 'pem' }) as string,
    pin: pinOf(new X509Certificate(cert).raw),
  };
}
