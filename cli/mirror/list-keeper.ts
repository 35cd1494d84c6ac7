import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ApprovedList, type ListStanding } from '../../src/admission/index.ts';
import type { AllowList } from '../../src/allow-list/index.ts';
import type { MirrorSettings } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { type Digest, digestHex } from '../../src/oci/index.ts';
import { approvalLines, approvalsPath, approvalsSizeLimit } from '../../src/trust/index.ts';
import { openList } from '../../src/verify/index.ts';
import type { Io } from '../terminal/index.ts';
import { ownListOf } from './own-list.ts';
import { readServed } from './served-file.ts';

/** What a list says of itself when it comes into force. */
export interface ListNews {
  readonly listId: string;
  readonly version: number;
  readonly digest: Digest;
}

/** The allow-list of a mirror: judged when it starts, and again whenever its files change. */
export class ListKeeper {
  readonly #settings: Partial<MirrorSettings>;
  readonly #statePath: string;
  readonly #io: Io;
  #standing: ListStanding = { kind: 'none' };
  #seen = '';
  #looking: ReturnType<ListKeeper['refresh']> | undefined;

  private constructor(settings: Partial<MirrorSettings>, statePath: string, io: Io) {
    this.#settings = settings;
    this.#statePath = statePath;
    this.#io = io;
  }

  /** @throws KnownError USAGE, KEY_* for what was typed wrong */
  static async open(settings: Partial<MirrorSettings>, statePath: string, io: Io): Promise<ListKeeper> {
    if (settings['allow-list'] === undefined && (settings.key ?? settings.trust) !== undefined)
      throw new KnownError('USAGE', { problem: '--key and --trust say nothing without --allow-list FILE' });
    const keeper = new ListKeeper(settings, statePath, io);
    await keeper.refresh();
    return keeper;
  }

  get standing(): ListStanding {
    return this.#standing;
  }

  /**
   * Judges the list again when its files are others than before. One that is not accepted does not replace one that was:
   * a file that is half copied, or an older one, must not stop a mirror.
   *
   * @returns what is new, or why what lies there is not accepted; undefined when nothing changed
   */
  async refresh(): Promise<ListNews | { readonly refused: string } | undefined> {
    // Who asks meanwhile waits for the answer, which is news to one of them.
    if (this.#looking !== undefined) return this.#looking.then(() => undefined);
    this.#looking = this.#look();
    try {
      return await this.#looking;
    } finally {
      this.#looking = undefined;
    }
  }

  async #look(): Promise<ListNews | { readonly refused: string } | undefined> {
    const path = this.#settings['allow-list'];
    if (path === undefined) return undefined;
    const files = [
      path,
      approvalsPath(path),
      ...(this.#settings.trust === undefined ? [] : [this.#settings.trust]),
    ];
    const seen = files.map(stampOf).join(' ');
    if (seen === this.#seen) return undefined;
    this.#seen = seen;
    const own = ownListOf(this.#settings, this.#statePath, this.#io);
    const listed = own && (await openList(own));
    if (listed === undefined) return undefined;
    const { outcome, companions } = listed;
    if (!outcome.accepted) {
      const refused = outcome.facts.at(-1)?.message ?? 'it is not accepted';
      if (this.#standing.kind !== 'accepted') this.#standing = { kind: 'refused', reason: refused };
      return { refused };
    }
    const { listId, version, digest } = outcome.summary;
    const bundles = bundlesBeside(path, outcome.list);
    this.#standing = {
      kind: 'accepted',
      approved: new ApprovedList(outcome.list, companions, digest, bundles),
    };
    return { listId, version, digest };
  }
}

/**
 * The approvals of a list, and what others attest of its models: `attestations/HEX.sigstore.jsonl` beside the list, one
 * file for the manifest with this digest (SLSA provenance, a bill of materials). They are handed on as they are.
 */
function bundlesBeside(path: string, { models }: AllowList): Buffer[] {
  const folder = join(dirname(path), 'attestations');
  const files = [
    approvalsPath(path),
    ...(existsSync(folder)
      ? [...models.values()].map(({ manifest }) =>
          join(folder, `${digestHex(manifest.digest)}.sigstore.jsonl`),
        )
      : []),
  ];
  return files.flatMap(linesOf);
}

/** Nothing where it cannot be read: a list does not wait for what is only handed on. */
function linesOf(file: string): Buffer[] {
  try {
    return approvalLines(readServed(file, approvalsSizeLimit) ?? Buffer.alloc(0));
  } catch {
    return [];
  }
}

/** What tells a file from another one under its name. */
function stampOf(path: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(path);
    return `${ino}-${size}-${mtimeMs}-${ctimeMs}`;
  } catch {
    return 'none';
  }
}
