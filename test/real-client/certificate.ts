import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  readonly key: Buffer;
  readonly cert: Buffer;
  /** PEM; also what a client is told to trust. */
  readonly certFile: string;
}

/** Whether `openssl` is here; it makes the certificate. */
export const hasOpenssl = (): boolean => spawnSync('openssl', ['version']).status === 0;

/** A certificate for one host, signed by itself, made on the spot. */
export function makeCertificate(folder: string, host: string): Certificate {
  const keyFile = join(folder, 'key.pem');
  const certFile = join(folder, 'cert.pem');
  const words = [
    ...['req', '-x509', '-nodes', '-days', '2'],
    ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
    ...['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`],
    ...['-keyout', keyFile, '-out', certFile],
  ];
  const { status, stderr } = spawnSync('openssl', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl: ${stderr}`);
  return { key: readFileSync(keyFile), cert: readFileSync(certFile), certFile };
}
