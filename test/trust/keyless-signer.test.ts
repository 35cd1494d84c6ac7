import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { initializeCA } from '@sigstore/mock';
import { KnownError } from '../../src/errors/index.ts';
import { type KeylessOptions, parseBundle, signKeyless } from '../../src/trust/index.ts';
import { identityTokenOf } from '../interop/identity-token.ts';
import { alice, readBundle } from '../interop/keyless-site.ts';
import {
  fulcioPath,
  rekorPath,
  type SigstoreStandIn,
  startSigstore,
  timestampPath,
} from '../interop/sigstore-stand-in.ts';

const statement = Buffer.from('{"_type":"https://in-toto.io/Statement/v1"}');
const token = identityTokenOf({ iss: alice.issuer, sub: alice.san });

const ambientVariables = [
  'ACTIONS_ID_TOKEN_REQUEST_URL',
  'ACTIONS_ID_TOKEN_REQUEST_TOKEN',
  'BUILDKITE',
  'SIGSTORE_ID_TOKEN',
];

describe('signing without a key', () => {
  let sigstore: SigstoreStandIn;
  let url = '';
  const ambient = new Map(ambientVariables.map((name) => [name, process.env[name]]));
  const forget = () => {
    for (const name of ambientVariables) delete process.env[name];
  };
  before(forget);
  beforeEach(async () => {
    sigstore = await startSigstore();
    url = sigstore.url;
  });
  afterEach(async () => {
    forget();
    await sigstore.stop();
  });
  after(() => {
    for (const [name, value] of ambient) if (value !== undefined) process.env[name] = value;
  });

  const sign = (more: Partial<KeylessOptions> = {}): Promise<string> =>
    signKeyless(statement, { identityToken: token, fulcioUrl: url, tsaUrl: url, ...more });

  /** The error, which holds nothing of the token. */
  async function failure(signing: Promise<string>): Promise<KnownError> {
    const error = await signing.catch((caught: unknown) => caught);
    assert.ok(error instanceof KnownError, String(error));
    const shown = inspect(error, { depth: 9, showHidden: true });
    assert.ok(!shown.includes(token.split('.')[1] ?? token), shown);
    return error;
  }

  const answer = (path: string, statusCode: number, response: string): void => {
    sigstore.answers.set(path, async () => ({ statusCode, response, contentType: 'application/json' }));
  };

  test('makes one line: a certificate, both witnesses, the exact statement, and no key id', async () => {
    const line = await sign({ rekorUrl: url });
    assert.ok(!line.includes('\n'));
    const { verificationMaterial, dsseEnvelope } = readBundle(line);
    assert.equal(verificationMaterial.publicKey, undefined);
    assert.equal(verificationMaterial.tlogEntries.length, 1);
    assert.equal(verificationMaterial.timestampVerificationData?.rfc3161Timestamps.length, 1);
    assert.deepEqual(Object.keys(dsseEnvelope.signatures[0]), ['sig']);
    const parsed = parseBundle(Buffer.from(line));
    assert.ok('bundle' in parsed);
    assert.equal(parsed.bundle.material.kind, 'certificate');
    assert.deepEqual(parsed.bundle.payload, statement);
    assert.deepEqual(sigstore.requests.toSorted(), [rekorPath, timestampPath, fulcioPath].toSorted());
  });

  test('asks the certificate first, and only the witnesses that are named', async () => {
    await sign();
    await sign({ rekorUrl: url, tsaUrl: undefined });
    assert.deepEqual(sigstore.requests, [fulcioPath, timestampPath, fulcioPath, rekorPath]);
  });

  test('takes addresses with a slash at their end, and the whole one of a timestamp authority', async () => {
    await sign({ fulcioUrl: `${url}/`, rekorUrl: `${url}/`, tsaUrl: `${url}/` });
    await sign({ tsaUrl: `${url}${timestampPath}` });
    assert.deepEqual(new Set(sigstore.requests), new Set([fulcioPath, rekorPath, timestampPath]));
  });

  test('signs as the CI it runs in, with a token made for the audience that is wanted', async () => {
    process.env.ACTIONS_ID_TOKEN_REQUEST_URL = `${url}/token`;
    process.env.ACTIONS_ID_TOKEN_REQUEST_TOKEN = 'of the job';
    for (const audience of ['sigstore', 'models.example.com']) {
      answer(`/token?audience=${audience}`, 200, JSON.stringify({ value: token }));
    }
    await sign({ identityToken: undefined });
    await sign({ identityToken: undefined, audience: 'models.example.com' });
    assert.deepEqual(
      sigstore.requests.filter((path) => path.startsWith('/token')),
      ['/token?audience=sigstore', '/token?audience=models.example.com'],
    );
  });

  test('takes a token from the environment, and says so where there is none', async () => {
    process.env.SIGSTORE_ID_TOKEN = token;
    assert.ok((await sign({ identityToken: undefined })).startsWith('{'));
    forget();
    const { code, exitStatus } = await failure(sign({ identityToken: undefined }));
    assert.deepEqual([code, exitStatus], ['IDENTITY_TOKEN', 64]);
  });

  test('asks nobody when nobody would witness the time', async () => {
    const { code, message } = await failure(sign({ tsaUrl: undefined }));
    assert.equal(code, 'USAGE');
    assert.match(message, /needs a witness of its time/);
    assert.deepEqual(sigstore.requests, []);
  });

  test('asks nobody when an address is none, or when the token would travel in the clear', async () => {
    for (const address of [
      '',
      'fulcio.example.com',
      'ftp://fulcio.example.com',
      'http://fulcio.example.com',
    ]) {
      assert.equal((await failure(sign({ fulcioUrl: address }))).code, 'USAGE', address);
    }
    assert.equal((await failure(sign({ tsaUrl: 'tsa.example.com' }))).code, 'USAGE');
    assert.equal((await failure(sign({ rekorUrl: 'file:///rekor' }))).code, 'USAGE');
    assert.deepEqual(sigstore.requests, []);
  });

  for (const [path, said] of [
    [fulcioPath, (at: string) => `Fulcio at ${at} gives no certificate: (403) not you`],
    [rekorPath, (at: string) => `Rekor at ${at} makes no entry: (403) not you`],
    [timestampPath, (at: string) => `the timestamp authority at ${at} makes no timestamp: (403) not you`],
  ] as const) {
    test(`says which service refused, and what it said: ${path}`, async () => {
      answer(path, 403, '{"code":7,"message":"not you"}');
      const { code, exitStatus, facts } = await failure(sign({ rekorUrl: url }));
      assert.deepEqual([code, exitStatus, facts], ['SIGNING_SERVICE', 4, { problem: said(url) }]);
    });
  }

  test('asks three times before it gives up on a service that fails', async () => {
    answer(fulcioPath, 503, '{"message":"busy"}');
    assert.match((await failure(sign())).message, /gives no certificate: \(503\) busy$/);
    assert.deepEqual(sigstore.requests, [fulcioPath, fulcioPath, fulcioPath]);
  });

  test('says when nobody answers, without a password in the address', async () => {
    await sigstore.stop();
    const fulcioUrl = url.replace('//', '//user:password@');
    const { message } = await failure(sign({ fulcioUrl }));
    assert.match(
      message,
      /^cannot sign without a key: Fulcio at http:\/\/127\.0\.0\.1:\d+ gives no certificate: /,
    );
    assert.match(message, /ECONNREFUSED/);
    assert.doesNotMatch(message, /password/);
    sigstore = await startSigstore();
  });

  test('takes no certificate for another key, and none that is no certificate', async () => {
    const authority = await initializeCA(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const der = publicKey.export({ type: 'spki', format: 'der' });
    const spki = new Uint8Array(der);
    const other = await authority.issueCertificate({ publicKey: spki, subjectAltName: alice.san });
    const certificates = (bytes: Uint8Array) => {
      const pem = `-----BEGIN CERTIFICATE-----\n${Buffer.from(bytes).toString('base64')}\n-----END CERTIFICATE-----\n`;
      return JSON.stringify({ signedCertificateEmbeddedSct: { chain: { certificates: [pem] } } });
    };
    answer(fulcioPath, 201, certificates(new Uint8Array(other.buffer)));
    assert.match((await failure(sign())).message, /Fulcio gave a certificate for another key$/);
    answer(fulcioPath, 201, certificates(Buffer.from('nothing')));
    assert.match((await failure(sign())).message, /Fulcio gave a certificate that cannot be read$/);
  });

  const nonsense = ['null', '[]', '{}', '"x"', '<html>', ''];
  for (const path of [fulcioPath, rekorPath, timestampPath]) {
    test(`makes nothing of answers that make no sense: ${path}`, async () => {
      for (const text of nonsense) {
        answer(path, 201, text);
        const { code } = await failure(sign({ rekorUrl: url }));
        assert.equal(code, 'SIGNING_SERVICE', text);
      }
    });
  }

  test('makes no approval of a log entry without a proof', async () => {
    const record = sigstore.answers.get(rekorPath);
    assert.ok(record !== undefined);
    sigstore.answers.set(rekorPath, async (request) => {
      const made = await record(request);
      const response = String(made.response).replace('"inclusionProof"', '"proof"');
      return { ...made, response };
    });
    const { message } = await failure(sign({ rekorUrl: url }));
    assert.match(message, /the services' answers make no approval: invalid bundle$/);
  });
});
