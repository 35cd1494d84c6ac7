import type { Signer } from './approvals.ts';
import { preAuthentication } from './bundle.ts';
import type { PublicKey } from './public-key.ts';

/** A signer who holds a key, within the dates the policy gives it. */
export function keySigner(name: string, key: PublicKey, from?: Date, to?: Date): Signer {
  return {
    id: `key:${key.id}`,
    name,
    async accepts(bundle, now) {
      if (bundle.material.kind !== 'key') return 'no';
      if (!key.verifies(preAuthentication(bundle.payload), bundle.signature)) return 'no';
      // A key signature carries no time of its own: the dates of the key are held against the clock.
      if (from !== undefined && now < from) return { problem: `the key of ${name} may not approve yet` };
      if (to !== undefined && now >= to) return { problem: `the key of ${name} may no longer approve` };
      return 'yes';
    },
  };
}
