/** A person or a workflow as a certificate names it: both compared as whole strings. */
export interface Identity {
  /** Subject alternative name: an e-mail address or a URI. */
  readonly san: string;
  /** OIDC issuer. */
  readonly issuer: string;
}

/** What Sigstore's library says of a verified certificate. */
interface Certified {
  readonly subjectAlternativeName?: string;
  readonly extensions?: { readonly issuer?: string };
  readonly oids?: readonly {
    readonly oid: { readonly id: readonly number[] } | undefined;
    readonly value: Uint8Array;
  }[];
}

/** Subject alternative name (RFC 5280, section 4.2.1.6). */
const sanOids = ['2.5.29.17'];

/** Fulcio's issuer (oid-info.md of sigstore/fulcio): as a UTF8String, and in older certificates as bare bytes. */
const issuerOids = ['1.3.6.1.4.1.57264.1.8', '1.3.6.1.4.1.57264.1.1'];

/**
 * Who a verified certificate names. The library reads names as ASCII and drops the eighth bit of every byte, so that
 * `\xe1lice` would be `alice`: the names are taken from their bytes once more.
 *
 * @throws Error when it names nobody, or in a way that is not read
 */
export function identityIn(certified: Certified | undefined): Identity {
  const { subjectAlternativeName, extensions, oids = [] } = certified ?? {};
  return {
    san: exactly(subjectAlternativeName, oids, sanOids),
    issuer: exactly(extensions?.issuer, oids, issuerOids),
  };
}

/** The text whose ASCII reading is given: the end of its extension, where a single name stands. */
function exactly(
  ascii: string | undefined,
  oids: NonNullable<Certified['oids']>,
  wanted: readonly string[],
): string {
  const value = wanted
    .map((oid) => oids.find((one) => one.oid?.id.join('.') === oid)?.value)
    .find((one) => one !== undefined);
  if (!ascii || value === undefined) throw new Error('it names nobody');
  const bytes = Buffer.from(value).subarray(-ascii.length);
  if (bytes.toString('ascii') !== ascii) throw new Error('it has several names');
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}
