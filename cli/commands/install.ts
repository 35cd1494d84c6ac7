import { join } from 'node:path';
import {
  gather,
  Incoming,
  type IncompleteArchive,
  shownNumbers,
  type WholeArchive,
} from '../../src/archive/index.ts';
import type { Settings } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { exitBits } from '../../src/findings/index.ts';
import { HashPool } from '../../src/hash/index.ts';
import { ownerToBecome, WorkPlace } from '../../src/installation/index.ts';
import { shortDigest, shortName } from '../../src/oci/index.ts';
import { defaultStatePath, refuseForeignPath, StateDirectory } from '../../src/state/index.ts';
import { type InstallOutcome, installArchive } from '../../src/transfer/index.ts';
import {
  assertProgramReadable,
  type Io,
  liesInStore,
  tellSwappable,
  trustFilesOf,
} from '../terminal/index.ts';
import { Custody, inTurn, type KeptRecord, Papers, sendersOf, TransferProgress } from '../transfer/index.ts';
import { wordsAfterFilling } from './after-filling.ts';
import { refuseFormats, settingsFileOf, settingsOf, storeOf, type TypedFlags } from './context.ts';
import { installedLines } from './install-lines.ts';
import { installFromMirror } from './install-mirror.ts';
import { listRequestOf, lookingAt } from './list-request.ts';

/** Flags of `install`, beside the common ones and the settings. */
export interface InstallFlags extends TypedFlags {
  readonly dryRun?: boolean;
  readonly signature?: string;
  readonly record?: string;
  readonly mediaId?: string;
  readonly seal?: string;
}

/** `verify-models install ARCHIVE... | MIRROR [MODEL...]`: models into a store, under their own names. */
export async function runInstall(words: readonly string[], flags: InstallFlags, io: Io): Promise<number> {
  refuseFormats(flags, 'install');
  const { dryRun, signature, record, mediaId, seal, ...common } = flags;
  const settings = settingsOf(common, io);
  if (settings['allow-list'] === undefined && settings.policy !== 'observe')
    throw new KnownError('USAGE', {
      problem:
        'install needs an allow-list: --allow-list FILE with --key PUB or --trust FILE; or --policy observe, which installs whatever is whole',
    });
  const { path: store } = await storeOf(settings, io);
  await tellSwappable(trustFilesOf(settings, settingsFileOf(flags, io)), io);
  const [first = ''] = words;
  if (/^https?:\/\//i.test(first)) {
    refusePapers({ signature, record, mediaId, seal });
    return installFromMirror(first, words.slice(1), { settings, flags, store, dryRun: dryRun === true }, io);
  }
  const run = new InstallRun({ settings, flags, store }, io);
  try {
    return await run.all(words);
  } catch (error) {
    if (io.interrupted.aborted) throw new KnownError('CANCELLED');
    throw error;
  } finally {
    await run.close();
  }
}

/** What would silently say nothing: a mirror has no papers. @throws KnownError USAGE */
function refusePapers(typed: Readonly<Record<string, string | undefined>>): void {
  const [flag] = Object.entries(typed).find(([, word]) => word !== undefined) ?? [];
  if (flag === undefined) return;
  const problem = `--${flag === 'mediaId' ? 'media-id' : flag} says something of an archive, and this is a mirror`;
  throw new KnownError('USAGE', { problem });
}

interface RunSettings {
  readonly settings: Settings;
  readonly flags: InstallFlags;
  readonly store: string;
}

/** One run over the archives of a command line. */
class InstallRun {
  readonly #run: RunSettings;
  readonly #io: Io;
  readonly #pool: HashPool;
  readonly #progress: TransferProgress;
  readonly #owner: ReturnType<typeof ownerToBecome>;
  #status = 0;
  #words: readonly string[] = [];

  constructor(run: RunSettings, io: Io) {
    const { settings, store } = run;
    this.#run = run;
    this.#io = io;
    // Whoever only looks need not own it.
    this.#owner = run.flags.dryRun === true ? undefined : ownerToBecome(store, io.uid);
    if (this.#owner !== undefined) assertProgramReadable(this.#owner, io);
    const threads = settings.jobs ?? Math.min(io.cores, 6);
    this.#pool = new HashPool({ threads, maxRate: settings['max-rate'] });
    this.#progress = new TransferProgress(settings.progress, settings.quiet === true, io);
  }

  async all(words: readonly string[]): Promise<number> {
    this.#words = words;
    // What is kept there is written by whoever runs this.
    refuseForeignPath(this.#statePath, this.#io.uid);
    const incoming = new Incoming(join(this.#statePath, 'incoming'), this.#io);
    const { stdin, interrupted: signal } = this.#io;
    const keeping = this.#run.flags.dryRun !== true;
    const found = await gather(words, {
      ...{ incoming, keeping, stdin, signal },
      progressed: this.#progress.update,
    });
    this.#progress.stop();
    const take = (archive: (typeof found)[number]) =>
      archive.kind === 'whole' ? this.#whole(archive, incoming) : this.#incomplete(archive);
    await inTurn(found, take, this.#io);
    return this.#status;
  }

  async close(): Promise<void> {
    this.#progress.stop();
    await this.#pool.close();
  }

  async #whole(archive: WholeArchive, incoming: Incoming): Promise<void> {
    const { settings, flags, store } = this.#run;
    const io = this.#io;
    const papers = new Papers(archive, {
      ...{ signature: flags.signature, record: flags.record },
      ...{ senders: sendersOf(settings.sender), transfers: join(this.#statePath, 'transfers') },
    });
    const dryRun = flags.dryRun === true;
    const custody = dryRun ? undefined : await this.#custody();
    if (!dryRun) papers.prepare();
    let outcome: InstallOutcome;
    try {
      outcome = await installArchive(
        archive.source,
        {
          ...{ store, dryRun, pool: this.#pool, platform: io.platform },
          work: () => this.#workPlace(),
          own: this.#ownList(),
          policy: settings.policy ?? 'enforce',
          checkSender: (id, said) => papers.judge(id, said),
          asOwner: (work) => this.#asOwner(work),
        },
        {
          ...{ signal: io.interrupted, progressed: this.#progress.update, now: io.now, wait: io.wait },
          reading: (bytes) => this.#progress.hashing(bytes, () => this.#pool.bytesRead),
        },
      );
    } catch (error) {
      throw await archive.blame(error);
    } finally {
      this.#progress.stop();
      await archive.source.close();
    }
    const kept = custody && this.#keepRecord(archive.path, outcome, papers, custody);
    if (!dryRun) incoming.forget(outcome.archive);
    for (const { bit } of outcome.refused) this.#status |= bit;
    const next = wordsAfterFilling(dryRun ? this.#words : undefined, flags);
    const facts = { outcome, sender: papers.sender, kept, dryRun, status: this.#status, flags, next };
    for (const line of installedLines(facts)) await io.stdout.write(line);
  }

  async #incomplete({ id, count, kept, missing }: IncompleteArchive): Promise<void> {
    this.#status |= exitBits.missing;
    const numbers = shownNumbers(missing);
    const waiting =
      kept.length === 0
        ? `volumes   none of ${count} of the archive ${shortDigest(id)} is kept`
        : `kept      volumes ${shownNumbers(kept)} of ${count} of the archive ${shortDigest(id)}; their medium can be taken out`;
    await this.#io.stdout.write(
      [
        waiting,
        `missing   ${numbers}`,
        'exit status 8 = 8 missing',
        `next: verify-models install DIR   (with the volumes that are missing; on the sending side: model-mirror export with the same words and --volumes ${numbers})`,
        '',
      ].join('\n'),
    );
  }

  /** Lists, state and records are of whoever runs this; the store is its owner's. */
  async #asOwner<T>(work: () => Promise<T>): Promise<T> {
    if (this.#owner === undefined) return work();
    const back = this.#io.actAs(this.#owner);
    try {
      return await work();
    } finally {
      back();
    }
  }

  #workPlace(): WorkPlace {
    const { now, pid, every } = this.#io;
    return WorkPlace.open(this.#run.store, { now, pid, every, uid: this.#owner?.uid ?? this.#io.uid });
  }

  get #statePath(): string {
    return this.#run.settings.state ?? defaultStatePath(this.#io.environment, this.#io.uid);
  }

  #openState(): StateDirectory {
    const { now, uid, pid } = this.#io;
    const path = this.#statePath;
    if (liesInStore(path, this.#run.store)) {
      const problem = 'it lies inside the store';
      throw new KnownError('STATE_UNUSABLE', { path, problem });
    }
    return StateDirectory.open(path, { now, uid, pid });
  }

  #ownList() {
    const { settings, flags } = this.#run;
    const path = settings['allow-list'];
    if (path === undefined) return undefined;
    const request = { ...listRequestOf(settings, () => this.#openState(), this.#io.now()), path };
    return flags.dryRun === true ? lookingAt(request, this.#statePath) : request;
  }

  #custody(): Promise<Custody> {
    const { settings, flags } = this.#run;
    const { mediaId, seal } = flags;
    const words = { key: settings['custody-key'], custodian: settings.custodian, mediaId, seal };
    return Custody.open(words, () => this.#openState(), this.#io);
  }

  #keepRecord(path: string, outcome: InstallOutcome, papers: Papers, custody: Custody): KeptRecord {
    const { archive, models, refused, list } = outcome;
    const record = custody.entry(papers.before, archive, {
      ...{ action: 'installed', models: models.length, refused: refused.length, bytes: outcome.total },
      list: list?.digest,
    });
    return papers.keep(archive, record, {
      ...{ file: path, list },
      models: models.map(({ name, digest, bytes }) => ({
        name: shortName(name),
        id: shortDigest(digest),
        bytes,
      })),
    });
  }
}
