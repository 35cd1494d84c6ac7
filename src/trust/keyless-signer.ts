import { verify, X509Certificate } from 'node:crypto';
import type { BundleWithDsseEnvelope as SignedBundle } from '@sigstore/bundle';
import { describeCause, KnownError, shownAddress } from '../errors/index.ts';
import { parseBundle, payloadType, preAuthentication } from './bundle.ts';
import { identityToken } from './keyless-token.ts';

/** Where a person or a workflow without a key of its own signs. */
export interface KeylessOptions {
  /** What an OpenID Connect provider says of the signer; without it, the one of the CI this runs in. */
  readonly identityToken?: string | undefined;
  /** Gives a certificate for minutes. */
  readonly fulcioUrl: string;
  /** Witnesses when the signature was made: a transparency log (version 1), a timestamp authority, or both. */
  readonly rekorUrl?: string | undefined;
  readonly tsaUrl?: string | undefined;
  /** For whom a CI makes its token. */
  readonly audience?: string | undefined;
}

/** What Sigstore's public services ask for. */
const defaultAudience = 'sigstore';

/** A service is given 30 s for an answer, and is asked three times. */
const patience = { timeout: 30_000, retry: { retries: 2, minTimeout: 250 } };

const refuse = (problem: string, cause?: unknown) => new KnownError('SIGNING_SERVICE', { problem }, cause);

/**
 * Signs a statement without a key of one's own: one line of an approvals file, without its line end. The library and
 * its network client are loaded here and nowhere else.
 *
 * @throws KnownError USAGE, IDENTITY_TOKEN, SIGNING_SERVICE
 */
export async function signKeyless(statement: Uint8Array, options: KeylessOptions): Promise<string> {
  const services = readServices(options);
  const { CIContextProvider, DSSEBundleBuilder, FulcioSigner, RekorWitness, TSAWitness } =
    await loadLibrary();
  const ambient = new CIContextProvider(options.audience ?? defaultAudience);
  const token = await identityToken(options.identityToken, ambient);
  const signer = new FulcioSigner({
    fulcioBaseURL: services.fulcio,
    identityProvider: { getToken: async () => token },
    ...patience,
  });
  const witnesses = [
    ...(services.rekor === undefined
      ? []
      : [new RekorWitness({ rekorBaseURL: services.rekor, entryType: 'dsse', ...patience })]),
    ...(services.tsa === undefined ? [] : [new TSAWitness({ tsaBaseURL: services.tsa, ...patience })]),
  ];
  const builder = new DSSEBundleBuilder({ signer, witnesses });
  let bundle: SignedBundle;
  try {
    bundle = await builder.create({ data: Buffer.from(statement), type: payloadType });
  } catch (error) {
    throw refuse(describeFailure(error, services));
  }
  checkCertificate(bundle);
  return lineOf(bundle, statement);
}

interface Services {
  readonly fulcio: string;
  readonly rekor: string | undefined;
  readonly tsa: string | undefined;
}

function readServices({ fulcioUrl, rekorUrl, tsaUrl }: KeylessOptions): Services {
  if (rekorUrl === undefined && tsaUrl === undefined) {
    throw new KnownError('USAGE', {
      problem: 'a keyless signature needs a witness of its time: a Rekor or a timestamp authority',
    });
  }
  const fulcio = readUrl('Fulcio', fulcioUrl);
  if (fulcio.protocol === 'http:' && !['127.0.0.1', '[::1]', 'localhost'].includes(fulcio.hostname)) {
    throw new KnownError('USAGE', {
      problem: `the identity token is not sent to ${fulcio.origin}: no https`,
    });
  }
  return {
    fulcio: base(fulcio),
    rekor: rekorUrl === undefined ? undefined : base(readUrl('Rekor', rekorUrl)),
    tsa: tsaUrl === undefined ? undefined : base(readUrl('the timestamp authority', tsaUrl)),
  };
}

function readUrl(name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && ['http:', 'https:'].includes(url.protocol)) return url;
  throw new KnownError('USAGE', {
    problem: `the address of ${name} is no http or https URL: ${shownAddress(text)}`,
  });
}

/** The library puts its paths behind the address, each with a slash. */
const base = (url: URL): string => url.href.replace(/\/+$/, '');

async function loadLibrary(): Promise<typeof import('@sigstore/sign')> {
  try {
    return await import('@sigstore/sign');
  } catch (error) {
    throw refuse('the package @sigstore/sign is not installed beside this program', error);
  }
}

/**
 * Which service failed, and how. The library's error itself is not passed on: where it cannot read an identity token,
 * its message holds the token.
 */
function describeFailure(error: unknown, services: Services): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const at = (url: string | undefined) => (url === undefined ? '' : ` at ${new URL(url).origin}`);
  const text = describeCause((error instanceof Error ? error.cause : undefined) ?? error);
  // What the network says stands behind the whole address, which may hold a password.
  const why = (/, reason: (.+)$/.exec(text)?.[1] ?? text).slice(0, 200);
  if (code.startsWith('CA_')) return `Fulcio${at(services.fulcio)} gives no certificate: ${why}`;
  if (code.startsWith('TLOG_')) return `Rekor${at(services.rekor)} makes no entry: ${why}`;
  if (code.startsWith('TSA_')) return `the timestamp authority${at(services.tsa)} makes no timestamp: ${why}`;
  return "the services' answers cannot be read";
}

/** The certificate is for the key that signed: else nobody would ever accept the approval. */
function checkCertificate({ verificationMaterial, content }: SignedBundle): void {
  const { payload, signatures } = content.dsseEnvelope;
  const certificate =
    verificationMaterial.content.$case === 'certificate'
      ? verificationMaterial.content.certificate.rawBytes
      : Buffer.alloc(0);
  let certified: boolean;
  try {
    const { publicKey } = new X509Certificate(certificate);
    certified = verify(
      'sha256',
      preAuthentication(payload),
      publicKey,
      signatures[0]?.sig ?? Buffer.alloc(0),
    );
  } catch (error) {
    throw refuse('Fulcio gave a certificate that cannot be read', error);
  }
  if (!certified) throw refuse('Fulcio gave a certificate for another key');
}

/** What the services gave is an approval of this statement, in the form that is read here and by Sigstore's library. */
async function lineOf(bundle: SignedBundle, statement: Uint8Array): Promise<string> {
  const { bundleFromJSON, bundleToJSON } = await import('@sigstore/bundle');
  const { toSignedEntity } = await import('@sigstore/verify');
  const json = bundleToJSON(bundle);
  const line = JSON.stringify(json);
  const parsed = parseBundle(Buffer.from(line));
  if ('problem' in parsed) throw refuse(`the services' answers make no approval: ${parsed.problem}`);
  try {
    toSignedEntity(bundleFromJSON(json));
  } catch (error) {
    throw refuse(`the services' answers make no approval: ${describeCause(error).slice(0, 200)}`, error);
  }
  if (!parsed.bundle.payload.equals(statement)) throw refuse('the library signed another statement');
  return line;
}
