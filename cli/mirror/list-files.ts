import { dirname, join } from 'node:path';
import type { ListFiles } from '../../server/index.ts';
import type { MirrorSettings } from '../../src/config/index.ts';
import { SharedFiles } from '../../src/files/index.ts';
import { approvalsPath } from '../../src/trust/index.ts';
import { assertServable, readServed } from './served-file.ts';

/**
 * The files of the signed list, for hosts that want a newer one. The names are those of `verify-models fetch`, checked
 * by whoever calls; hosts check signatures and rollback themselves, so that the mirror need not be trusted. However many
 * read a file, it is open once.
 */
export function listFilesOf(settings: Partial<MirrorSettings>): ListFiles | undefined {
  if (settings['allow-list'] === undefined) return undefined;
  const files = new SharedFiles(assertServable);
  return {
    async open(name) {
      const path = listFilePath(settings, name);
      return path === undefined ? undefined : files.open(path);
    },
  };
}

/** All of one of these files, for an archive; undefined where there is none. @throws system errors */
export function readListFile(settings: Partial<MirrorSettings>, name: string): Buffer | undefined {
  const path = listFilePath(settings, name);
  return path === undefined ? undefined : readServed(path);
}

function listFilePath(settings: Partial<MirrorSettings>, name: string): string | undefined {
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
  if (Object.hasOwn(fixed, name)) return fixed[name];
  if (name.startsWith('chunks/')) return join(chunks, name.slice('chunks/'.length));
  if (name.startsWith('manifests/')) return join(dirname(list), name);
  return trust && name.startsWith('trust/') ? join(dirname(trust), name) : undefined;
}
