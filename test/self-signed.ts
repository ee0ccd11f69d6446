import { webcrypto } from 'node:crypto';
import 'reflect-metadata';
import { X509CertificateGenerator } from '@peculiar/x509';
import { pinOf } from '../src/http/client-dial.ts';

/** A certificate that nobody vouches for, as Livepeer peers show. */
export interface SelfSigned {
  readonly cert: string;
  readonly key: string;
  readonly pin: string;
}

/** Makes one; takes a few milliseconds. */
export async function selfSigned(): Promise<SelfSigned> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ])) as never as {
    publicKey: webcrypto.CryptoKey;
    privateKey: webcrypto.CryptoKey;
  };
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=peer',
      keys: keys as never,
      signingAlgorithm: algorithm,
      notBefore: new Date('2020-01-01'),
      notAfter: new Date('2120-01-01'),
    },
    webcrypto as never,
  );
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const body = der.toString('base64').replace(/(.{64})/g, '$1\n');
  return {
    cert: certificate.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`,
    pin: pinOf(new Uint8Array(certificate.rawData)),
  };
}
