import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Fact } from '../../src/findings/index.ts';
import { printable } from '../../src/report/index.ts';
import { approvalsPath, trustedRootPath } from '../../src/trust/index.ts';
import { swappableFiles, type TrustFile } from '../../src/verify/index.ts';
import type { Io } from './io.ts';

/** Settings that name files by which something is decided; those of both programs. */
export interface NamingSettings {
  readonly 'allow-list'?: string | undefined;
  readonly key?: string | undefined;
  readonly trust?: string | undefined;
  readonly chunks?: string | undefined;
  readonly 'seal-key'?: string | undefined;
  readonly sender?: readonly string[] | undefined;
  readonly 'custody-key'?: string | undefined;
  readonly identity?: string | undefined;
  readonly ca?: string | undefined;
  readonly 'on-finding'?: string | undefined;
}

/** Every file by which a run with these settings decides, as far as it is there. @param settingsFile where they came from */
export function trustFilesOf(settings: NamingSettings, settingsFile: string): readonly TrustFile[] {
  const { 'allow-list': list, key, trust, ca, identity } = settings;
  const one = (what: string, path: string | undefined): TrustFile[] =>
    path === undefined ? [] : [{ what, path, kind: 'trust' }];
  const signed = (what: string, path: string): TrustFile => ({ what, path, kind: 'signed' });
  return [
    ...one('the settings', existsSync(settingsFile) ? settingsFile : undefined),
    ...one('the public key', key),
    ...one('the trust policy', trust),
    ...one('the trusted root', trust === undefined ? undefined : trustedRootPath(trust)),
    ...one('the key of the seal', settings['seal-key']),
    ...(settings.sender ?? []).flatMap((path) => one('the key of a sender', path)),
    ...one('the key that signs transfers', settings['custody-key']),
    ...one('the identity of this mirror', identity),
    ...one('the certificate authority', ca),
    ...one('the program that is started for findings', settings['on-finding']),
    ...(list === undefined
      ? []
      : [
          signed('the allow-list', list),
          signed('its approvals', approvalsPath(list)),
          signed('its chunk tables', settings.chunks ?? join(dirname(list), 'chunks')),
        ]),
  ];
}

/** Says of files which of them somebody else can write, for commands that make no report. */
export const tellSwappable = (files: readonly TrustFile[], io: Io): Promise<void> =>
  tellFacts(swappableFiles(files, io.uid), io);

/** Facts for the person, on stderr. */
export async function tellFacts(
  facts: readonly Pick<Fact, 'message' | 'hint'>[],
  { stderr }: Io,
): Promise<void> {
  for (const { message, hint } of facts) {
    await stderr.write(`warning: ${printable(message)}\n`);
    if (hint !== undefined) await stderr.write(`  next: ${printable(hint)}\n`);
  }
}
