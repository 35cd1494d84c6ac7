import type { ApprovedList } from '../../src/admission/index.ts';
import type { Settings } from '../../src/config/index.ts';
import { describeCause, KnownError } from '../../src/errors/index.ts';
import { exitBits, explainExitStatus } from '../../src/findings/index.ts';
import { HashPool } from '../../src/hash/index.ts';
import { WorkPlace } from '../../src/installation/index.ts';
import { type Digest, type ModelName, parseManifest, shortDigest, shortName } from '../../src/oci/index.ts';
import { ModelRepair, setOrphansAside } from '../../src/repair/index.ts';
import { printable } from '../../src/report/index.ts';
import { OllamaStore, readOneManifest } from '../../src/store/index.ts';
import { type Io, resolveProgress, Transfers } from '../terminal/index.ts';
import { wordsAfterFilling } from './after-filling.ts';
import { counted, nextLine, type TypedFlags } from './context.ts';
import { installedLines, mendedLines } from './repair-lines.ts';
import type { Sources } from './repair-sources.ts';

export interface RunSettings {
  readonly path: string;
  readonly settings: Settings;
  readonly approved: ApprovedList | undefined;
  readonly from: Sources;
  readonly uid: number | undefined;
  /** What the run does to a model that is not whole: `repaired` by default. */
  readonly verb?: 'installed';
  /** Says what would be done, and writes nothing. */
  readonly dryRun?: boolean;
}

/** One run over the models of a store: lines as they are done, a status for all. */
export class RepairRun {
  readonly #run: RunSettings;
  readonly #io: Io;
  readonly #pool: HashPool;
  readonly #store: OllamaStore;
  readonly #transfers: Transfers;
  readonly #counts = { repaired: 0, sound: 0, failed: 0, aside: 0 };
  #work: WorkPlace | undefined;
  #status = 0;

  constructor(run: RunSettings, io: Io) {
    const { settings, path } = run;
    this.#run = run;
    this.#io = io;
    const threads = settings.jobs ?? Math.min(io.cores, 6);
    this.#pool = new HashPool({ threads, maxRate: settings['max-rate'] });
    this.#store = OllamaStore.open(path, settings['follow-links-into'] ?? [], () => {});
    const kind = resolveProgress(settings.progress ?? 'auto', settings.quiet === true, io);
    this.#transfers = new Transfers(kind, io);
  }

  async one(name: ModelName): Promise<void> {
    const shown = printable(shortName(name));
    const io = this.#io;
    const { from, approved, settings } = this.#run;
    const effects = {
      ...{ pool: this.#pool, signal: io.interrupted, now: io.now, wait: io.wait, every: io.every },
      arrived: (digest: Digest, bytes: number, size: number) => this.#transfers.arrived(digest, bytes, size),
    };
    const upstream = from.of(name);
    const repair = new ModelRepair(this.#store, () => this.#place(), { upstream, approved }, effects);
    try {
      const { verb, dryRun = false } = this.#run;
      const mended = dryRun ? await repair.look(name) : await repair.run(name);
      if (mended.length === 0) this.#counts.sound += 1;
      else this.#counts.repaired += 1;
      if (mended.length > 0)
        await this.#tell(
          verb === undefined ? mendedLines(shown, mended) : installedLines(shown, mended, dryRun),
        );
      else if (settings.quiet !== true) await this.#tell(`sound     ${shown}\n`);
    } catch (error) {
      if (io.interrupted.aborted) throw new KnownError('CANCELLED');
      this.#counts.failed += 1;
      this.#status |= error instanceof KnownError ? error.exitStatus : exitBits.unchecked;
      const next =
        error instanceof KnownError && error.hint !== undefined
          ? `\n  next      ${printable(error.hint)}`
          : '';
      await this.#tell(`failed    ${shown}   ${printable(describeCause(error))}${next}\n`);
    }
  }

  /** Blobs that no model names, and that are others than their names say. */
  async orphans(names: readonly ModelName[]): Promise<void> {
    const named = new Set<Digest>();
    for (const name of names) {
      const reading = parseManifest(this.#manifestOf(name));
      if (!reading.ok) continue;
      for (const { digest } of [reading.manifest.config, ...reading.manifest.layers]) named.add(digest);
    }
    for await (const { digest, kept } of setOrphansAside(
      this.#store,
      named,
      () => this.#place(),
      this.#pool,
    )) {
      this.#counts.aside += 1;
      await this.#tell(
        `aside     ${shortDigest(digest)}   no model names it, and it is altered; kept as ${printable(kept)}\n`,
      );
    }
  }

  #manifestOf(name: ModelName): Buffer {
    try {
      return readOneManifest(this.#store, name);
    } catch {
      return Buffer.alloc(0);
    }
  }

  /** @param next the words of the command to type next */
  async end(flags: TypedFlags, next = wordsAfterFilling(undefined, flags)): Promise<number> {
    const { repaired, sound, failed, aside } = this.#counts;
    const { verb = 'repaired', dryRun = false } = this.#run;
    const orphans = aside === 0 ? '' : `, ${counted(aside, 'altered orphan')} set aside`;
    if (flags.quiet !== true || this.#status !== 0)
      await this.#tell(
        `${counted(repaired, 'model')} ${dryRun ? 'would be ' : ''}${verb}, ${sound} sound, ${failed} failed${orphans}\nexit status ${explainExitStatus(this.#status)}\n`,
      );
    await this.#io.stdout.write(nextLine(next, flags));
    return this.#status;
  }

  async close(): Promise<void> {
    this.#transfers.pause();
    await this.#pool.close();
    this.#store[Symbol.dispose]();
  }

  /** Made when it is first needed: a store that is sound stays as it is. */
  #place(): WorkPlace {
    const { now, pid, every } = this.#io;
    this.#work ??= WorkPlace.open(this.#run.path, { now, pid, every, uid: this.#run.uid });
    return this.#work;
  }

  async #tell(text: string): Promise<void> {
    this.#transfers.pause();
    await this.#io.stdout.write(text);
  }
}
