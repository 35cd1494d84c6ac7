import type { PublicKey } from './public-key.ts';

/**
 * The root of trust by which lists are judged: one key, named by the SHA-256 of its SPKI form, or a chain of trust
 * policies. What a host remembers is kept apart for each of them, so that no list reaches what another root proved.
 */
export type TrustRoot = `key:${string}` | 'policy';

/** The root that one key is. */
export const keyRoot = (key: Pick<PublicKey, 'id'>): TrustRoot => `key:${key.id}`;
