import { statSync } from 'node:fs';
import { ApprovedList, type ListStanding } from '../../src/admission/index.ts';
import type { MirrorSettings } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import type { Digest } from '../../src/oci/index.ts';
import { StateDirectory } from '../../src/state/index.ts';
import { approvalsPath } from '../../src/trust/index.ts';
import { openList } from '../../src/verify/index.ts';
import type { Io } from '../terminal/index.ts';

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
    const { now, uid, pid } = this.#io;
    const listed = await openList({
      ...{ path, key: this.#settings.key, trust: this.#settings.trust, chunks: this.#settings.chunks },
      ...{ expectDigest: this.#settings['expect-digest'], minVersion: undefined, allowExpired: false },
      ...{ required: false, exact: false, allowCopies: false, requireAll: false, whole: false },
      ...{ now: now(), state: this.#statePath },
      openState: () => StateDirectory.open(this.#statePath, { now, uid, pid }),
    });
    if (listed === undefined) return undefined;
    const { outcome, companions } = listed;
    if (!outcome.accepted) {
      const refused = outcome.facts.at(-1)?.message ?? 'it is not accepted';
      if (this.#standing.kind !== 'accepted') this.#standing = { kind: 'refused', reason: refused };
      return { refused };
    }
    const { listId, version, digest } = outcome.summary;
    this.#standing = { kind: 'accepted', approved: new ApprovedList(outcome.list, companions, digest) };
    return { listId, version, digest };
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
