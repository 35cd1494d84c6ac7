import * as z from 'zod/mini';
import { KnownError } from '../errors/index.ts';

/** Largest token that is passed on: those of CI systems have two or three kilobytes. */
const tokenSizeLimit = 16 * 1024;

/** Three parts of base64url (RFC 7519, section 3). */
const tokenForm = /^[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*$/;

const claims = z.object({
  sub: z.optional(z.string()),
  email: z.optional(z.string()),
  // Some providers write the word.
  email_verified: z.optional(z.union([z.boolean(), z.literal(['true', 'false'])])),
});

const refuse = (problem: string) => new KnownError('IDENTITY_TOKEN', { problem });

/**
 * The token that says who signs: the given one, else that of the CI this runs in. Only its form is looked at, so that
 * a mistake is named here; whether it is true is for the authority that gives the certificate. No error holds any of
 * it: whoever has the token can sign.
 *
 * @throws KnownError IDENTITY_TOKEN
 */
export async function identityToken(
  given: string | undefined,
  ambient: { getToken(): Promise<string> },
): Promise<string> {
  const token = (given ?? (await fromCi(ambient))).trim();
  if (token.length > tokenSizeLimit) throw refuse(`it has more than ${tokenSizeLimit} characters`);
  const payload = tokenForm.exec(token)?.[1];
  if (payload === undefined) throw refuse('it is no JSON web token');
  const parsed = claims.safeParse(readJson(Buffer.from(payload, 'base64url')));
  if (!parsed.success) throw refuse('its claims cannot be read');
  const { sub, email, email_verified: verified } = parsed.data;
  if (email ? verified !== true && verified !== 'true' : !sub) {
    throw refuse(email ? 'its e-mail address is not verified' : 'it names nobody');
  }
  return token;
}

async function fromCi(ambient: { getToken(): Promise<string> }): Promise<string> {
  try {
    const token: unknown = await ambient.getToken();
    if (typeof token === 'string') return token;
  } catch {
    // Not in a CI that gives tokens, or its service gave none; what it said may hold a secret.
  }
  throw refuse('none was given, and no CI gives one here');
}

function readJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
