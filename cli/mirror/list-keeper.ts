import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ApprovedList, type ListStanding } from '../../src/admission/index.ts';
import type { AllowList } from '../../src/allow-list/index.ts';
import type { MirrorSettings } from '../../src/config/index.ts';
import { describeCause, KnownError } from '../../src/errors/index.ts';
import { type Digest, digestHex } from '../../src/oci/index.ts';
import type { OwnList } from '../../src/transfer/index.ts';
import { approvalLines, approvalsPath, approvalsSizeLimit, type ListFact } from '../../src/trust/index.ts';
import {
  type HeldList,
  judgeAgain,
  openList,
  policyNow,
  rulesOf,
  settleList,
} from '../../src/verify/index.ts';
import type { Io } from '../terminal/index.ts';
import { ownListOf } from './own-list.ts';
import { readServed } from './served-file.ts';

/** Which list it is about. */
interface WhichList {
  readonly listId: string;
  readonly version: number;
  readonly digest: Digest;
}

/** What became of the list of a mirror. */
export type ListNews =
  | ({ readonly kind: 'accepted' } & WhichList)
  /** What lies there is not accepted; what was in force stays so. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** What was in force is so no more: by its dates, or by a newer policy. */
  | ({ readonly kind: 'ended'; readonly reason: string } & WhichList)
  /** It is in force, and somebody should know what about it. */
  | { readonly kind: 'warned'; readonly warning: string };

/** A clock that is set back by more than this is another time, in milliseconds. */
const clockTolerance = 5 * 60_000;

/** The exact bytes of an admitted manifest. */
export type ManifestOf = (digest: Digest) => Promise<Uint8Array | undefined>;

/** The allow-list of a mirror: judged when it starts, whenever its files change, and whenever a date changes what it is. */
export class ListKeeper {
  readonly #settings: Partial<MirrorSettings>;
  readonly #statePath: string;
  readonly #io: Io;
  readonly #manifestOf: ManifestOf;
  #standing: ListStanding = { kind: 'none' };
  #held: HeldList | undefined;
  #warning: string | undefined;
  #seen = '';
  /** When it was judged, and the next date at which that may turn out otherwise. */
  #judgedAt: Date | undefined;
  #nextChange: Date | undefined;
  #looking: ReturnType<ListKeeper['refresh']> | undefined;

  private constructor(settings: Partial<MirrorSettings>, statePath: string, manifestOf: ManifestOf, io: Io) {
    this.#settings = settings;
    this.#statePath = statePath;
    this.#manifestOf = manifestOf;
    this.#io = io;
  }

  /**
   * @param manifestOf manifests that were admitted: the list is compared with them
   * @throws KnownError USAGE, KEY_* for what was typed wrong
   */
  static async open(
    settings: Partial<MirrorSettings>,
    statePath: string,
    manifestOf: ManifestOf,
    io: Io,
  ): Promise<ListKeeper> {
    if (settings['allow-list'] === undefined && (settings.key ?? settings.trust) !== undefined)
      throw new KnownError('USAGE', { problem: '--key and --trust say nothing without --allow-list FILE' });
    const keeper = new ListKeeper(settings, statePath, manifestOf, io);
    await keeper.refresh();
    return keeper;
  }

  get standing(): ListStanding {
    return this.#standing;
  }

  /** What somebody should know of the list that is in force: its approval expired, and these are its days of grace. */
  get warning(): string | undefined {
    return this.#warning;
  }

  /**
   * Whether a date has come at which the list may be another one: what stands here is then not to be answered by before
   * `refresh` has come back. Looked at with every request: dates may be years away, clocks are set, machines sleep.
   */
  get isDue(): boolean {
    if (this.#judgedAt === undefined) return false;
    const now = this.#io.now().getTime();
    const isBack = now < this.#judgedAt.getTime() - clockTolerance;
    return isBack || (this.#nextChange !== undefined && now >= this.#nextChange.getTime());
  }

  /**
   * Judges the list again when its files are others than before, and when a date has come. One that is not accepted does
   * not replace one that was: a file that is half copied, or an older one, must not stop a mirror. One that was accepted
   * is judged at each of its dates as if it were offered then, whatever lies in its files.
   *
   * @returns what is new; undefined when nothing changed
   */
  async refresh(): Promise<ListNews | undefined> {
    // Who asks meanwhile waits for the answer, which is news to one of them; it may have begun before a date, and end after it.
    while (this.#looking !== undefined) {
      await this.#looking.catch(() => {});
      if (!this.isDue) return undefined;
    }
    this.#looking = this.#look();
    try {
      return await this.#looking;
    } finally {
      this.#looking = undefined;
    }
  }

  async #look(): Promise<ListNews | undefined> {
    const path = this.#settings['allow-list'];
    if (path === undefined) return undefined;
    const seen = stampsOf(path, this.#settings.trust);
    const isOther = seen !== this.#seen;
    if (!isOther && !this.isDue) return undefined;
    const own = ownListOf(this.#settings, this.#statePath, this.#io);
    if (own === undefined) return undefined;
    this.#seen = seen;
    const dates = new Dates();
    try {
      return await this.#judge(own, isOther, dates);
    } catch (error) {
      // The files are looked at again the next time; what is in force has its dates all the same.
      this.#seen = '';
      const ended = await this.#judgeHeld(own, dates);
      if (ended !== undefined) return ended;
      throw error;
    } finally {
      // Not before the end: until then it is due, and who asks waits.
      this.#judgedAt = own.now;
      this.#nextChange = dates.first;
    }
  }

  async #judge(own: OwnList, isOther: boolean, dates: Dates): Promise<ListNews | undefined> {
    const listed = await openList(own);
    if (listed === undefined) return undefined;
    const { companions, held } = listed;
    const outcome = await settleList(listed, this.#manifestOf);
    dates.add(outcome.nextChange);
    if (!outcome.accepted) return this.#refuse(own, reasonOf(outcome), dates);
    const { listId, version, digest } = outcome.summary;
    const before = this.#standing.kind === 'accepted' ? this.#standing.approved.digest : undefined;
    this.#held = held;
    if (isOther || before !== digest) {
      const bundles = bundlesBeside(own.path ?? '', outcome.list);
      const approved = new ApprovedList(outcome.list, companions, digest, bundles);
      this.#standing = { kind: 'accepted', approved };
    }
    const warning = outcome.facts.find(({ rule }) => rule === 'list-in-grace')?.message;
    const isNew = warning !== undefined && warning !== this.#warning;
    this.#warning = warning;
    if (before !== digest) return { kind: 'accepted', listId, version, digest };
    return isNew ? { kind: 'warned', warning } : undefined;
  }

  /** What lies there is not accepted: what is in force is judged by what it was accepted by. */
  async #refuse(own: OwnList, reason: string, dates: Dates): Promise<ListNews | undefined> {
    if (this.#held !== undefined) return (await this.#judgeHeld(own, dates)) ?? { kind: 'refused', reason };
    const before = this.#standing.kind === 'refused' ? this.#standing.reason : undefined;
    this.#standing = { kind: 'refused', reason };
    return reason === before ? undefined : { kind: 'refused', reason };
  }

  /** @returns that the list is no more in force, where it is so */
  async #judgeHeld(own: OwnList, dates: Dates): Promise<ListNews | undefined> {
    if (this.#held === undefined || this.#standing.kind !== 'accepted') return undefined;
    const reason = await this.#objectionTo(this.#held, own, dates);
    if (reason === undefined) return undefined;
    const { list, digest } = this.#standing.approved;
    this.#standing = { kind: 'refused', reason };
    this.#held = undefined;
    this.#warning = undefined;
    return { kind: 'ended', reason, listId: list.listId, version: list.version, digest };
  }

  /** Why a list that is in force may be so no more; one that cannot be judged may not, and is looked at again soon. */
  async #objectionTo(held: HeldList, own: OwnList, dates: Dates): Promise<string | undefined> {
    try {
      const outcome = await judgeAgain(held, rulesOf(own), policyNow(own));
      dates.add(outcome.nextChange);
      return outcome.accepted ? undefined : reasonOf(outcome);
    } catch (error) {
      this.#seen = '';
      return describeCause(error);
    }
  }
}

/** Dates at which something may change, of which the first one counts. */
class Dates {
  first: Date | undefined;

  add(date: Date | undefined): void {
    if (date !== undefined && (this.first === undefined || date < this.first)) this.first = date;
  }
}

const reasonOf = ({ facts }: { readonly facts: readonly ListFact[] }): string =>
  facts.at(-1)?.message ?? 'it is not accepted';

/** What tells the files of a list and of its policy from others under their names. */
const stampsOf = (path: string, trust: string | undefined): string =>
  [path, ...(trust === undefined ? [] : [trust])]
    .flatMap((file) => [file, approvalsPath(file)])
    .map(stampOf)
    .join(' ');

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
