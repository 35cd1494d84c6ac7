import { dirname, join } from 'node:path';
import type { ListFiles } from '../../server/index.ts';
import type { MirrorSettings } from '../../src/config/index.ts';
import { approvalsPath } from '../../src/trust/index.ts';
import { readServed } from './served-file.ts';

/**
 * The files of the signed list, for hosts that want a newer one. The names are those of `verify-models fetch`, checked
 * by whoever calls; hosts check signatures and rollback themselves, so that the mirror need not be trusted.
 */
export function listFilesOf(settings: Partial<MirrorSettings>): ListFiles | undefined {
  const list = settings['allow-list'];
  if (list === undefined) return undefined;
  const { trust, chunks = join(dirname(list), 'chunks') } = settings;
  const fixed: Readonly<Record<string, string | undefined>> = {
    'allow-list.json': list,
    'allow-list.json.sigstore.jsonl': approvalsPath(list),
    'trust.json': trust,
    'trust.json.sigstore.jsonl': trust && approvalsPath(trust),
    'trusted_root.json': trust && join(dirname(trust), 'trusted_root.json'),
  };
  const pathOf = (name: string): string | undefined => {
    if (Object.hasOwn(fixed, name)) return fixed[name];
    if (name.startsWith('chunks/')) return join(chunks, name.slice('chunks/'.length));
    if (name.startsWith('manifests/')) return join(dirname(list), name);
    return trust && name.startsWith('trust/') ? join(dirname(trust), name) : undefined;
  };
  return {
    async read(name) {
      const path = pathOf(name);
      return path === undefined ? undefined : readServed(path);
    },
  };
}
