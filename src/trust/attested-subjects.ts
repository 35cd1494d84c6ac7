import * as z from 'zod/mini';
import { type Digest, isDigest, readStrictJson } from '../oci/index.ts';
import { parseBundle } from './bundle.ts';

/** What a bundle attests, for whoever hands it on. Nothing of it was verified. */
export interface Attested {
  /** SHA-256 digests of the subjects; others are left out. */
  readonly subjects: readonly Digest[];
  readonly predicateType: string;
}

/** in-toto Attestation Framework, Statement v1 and v0.1: the parts by which a bundle is found. */
const schema = z.looseObject({
  _type: z.string().check(z.regex(/^https:\/\/in-toto\.io\/Statement\/v(?:0\.1|1)$/)),
  subject: z.array(z.looseObject({ digest: z.looseObject({ sha256: z.optional(z.string()) }) })),
  predicateType: z.string().check(z.minLength(1), z.maxLength(1024)),
});

const rules = {
  maxDepth: 64,
  knownKeys: new Set(['subject', 'predicateType']),
  integerKeys: new Set<string>(),
};

/** Reads which files a Sigstore bundle is about, also one that others made; undefined where it cannot be told. */
export function attestedSubjects(line: Uint8Array): Attested | undefined {
  const parsed = parseBundle(line);
  if ('problem' in parsed) return undefined;
  const json = readStrictJson(parsed.bundle.payload, rules);
  const statement = json.ok ? schema.safeParse(json.value) : undefined;
  if (statement?.success !== true) return undefined;
  const subjects = statement.data.subject.flatMap(({ digest: { sha256 } }) => {
    const digest = `sha256:${sha256}`;
    return isDigest(digest) ? [digest] : [];
  });
  return { subjects, predicateType: statement.data.predicateType };
}
