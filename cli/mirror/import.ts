import { join } from 'node:path';
import {
  gather,
  Incoming,
  type IncompleteArchive,
  shownNumbers,
  type WholeArchive,
} from '../../src/archive/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { exitBits, explainExitStatus } from '../../src/findings/index.ts';
import { digestHex, shortDigest } from '../../src/oci/index.ts';
import { printable } from '../../src/report/index.ts';
import { type ImportOutcome, importArchive } from '../../src/transfer/index.ts';
import type { Io } from '../terminal/index.ts';
import {
  type Custody,
  inTurn,
  type KeptRecord,
  makeRecordFolder,
  Papers,
  sendersOf,
  TransferProgress,
  writeBeside,
} from '../transfer/index.ts';
import { importedLines } from './import-lines.ts';
import { refuseJson, settingsOf } from './mirror-settings.ts';
import { type OpenMirror, openMirror } from './open-mirror.ts';
import { ownListOf } from './own-list.ts';
import { ReceivedFiles } from './received-files.ts';
import { custodyOf, type TransferFlags } from './transfer-words.ts';

/** Flags of `import`, beside the common ones. */
export interface ImportFlags extends TransferFlags {
  readonly signature?: string;
  readonly record?: string;
}

/** `model-mirror import ARCHIVE...`: lets models in that were carried here, by the list and the trust of this side. */
export async function runImport(words: readonly string[], flags: ImportFlags, io: Io): Promise<number> {
  const settings = settingsOf(flags, io);
  refuseJson(settings, 'import');
  if (settings['allow-list'] === undefined && settings.policy !== 'observe')
    throw new KnownError('USAGE', {
      problem:
        'import needs the allow-list of this side: --allow-list FILE with --key PUB or --trust FILE; or --policy observe, which lets in whatever is whole',
    });
  const mirror = await openMirror(settings, flags, io);
  const run = new ImportRun(mirror, settings, flags, io);
  try {
    const incoming = new Incoming(join(mirror.data, 'incoming'), io);
    const found = await gather(words, {
      ...{ incoming, keeping: true, stdin: io.stdin, signal: io.interrupted },
      progressed: run.progressed,
    });
    run.stop();
    const take = (archive: (typeof found)[number]) =>
      archive.kind === 'whole' ? run.whole(archive, incoming) : run.incomplete(archive);
    await inTurn(found, take, io);
    return await run.end();
  } catch (error) {
    if (io.interrupted.aborted) throw new KnownError('CANCELLED');
    throw error;
  } finally {
    run.stop();
    await mirror.close();
  }
}

/** One run over the archives of a command line. */
class ImportRun {
  readonly #mirror: OpenMirror;
  readonly #settings: ReturnType<typeof settingsOf>;
  readonly #flags: ImportFlags;
  readonly #io: Io;
  readonly #progress: TransferProgress;
  #status = 0;
  #next = 'model-mirror serve';

  constructor(mirror: OpenMirror, settings: ReturnType<typeof settingsOf>, flags: ImportFlags, io: Io) {
    this.#mirror = mirror;
    this.#settings = settings;
    this.#flags = flags;
    this.#io = io;
    this.#progress = new TransferProgress(settings.progress, settings.quiet === true, io);
  }

  async whole(archive: WholeArchive, incoming: Incoming): Promise<void> {
    const { data, records, blobs, policy, contact } = this.#mirror;
    const settings = this.#settings;
    const papers = new Papers(archive, {
      ...{ signature: this.#flags.signature, record: this.#flags.record },
      ...{ senders: sendersOf(settings.sender), transfers: this.#transfers },
    });
    const custody = await custodyOf(settings, this.#flags, data, this.#io);
    papers.prepare();
    let received: ReceivedFiles | undefined;
    let outcome: ImportOutcome;
    try {
      outcome = await importArchive(
        archive.source,
        {
          ...{ records, blobs, policy, contact },
          own: ownListOf(settings, join(data, 'state'), this.#io),
          checkSender: (id, said) => papers.judge(id, said),
          kept: (id) => {
            received = new ReceivedFiles(data, id, this.#io);
            return received;
          },
        },
        { signal: this.#io.interrupted, progressed: this.#progress.update },
      );
    } catch (error) {
      throw await archive.blame(error);
    } finally {
      this.#progress.stop();
      await archive.source.close();
    }
    const kept = await this.#keepRecord(archive.path, outcome, papers, custody);
    incoming.forget(outcome.archive);
    for (const { bit } of outcome.refused) this.#status |= bit;
    const files = received?.names ?? [];
    if (settings.quiet !== true || outcome.refused.length > 0)
      await this.#io.stdout.write(
        importedLines({ outcome, sender: papers.sender, kept, files }, settings.quiet === true),
      );
  }

  /** Said on paper too: whoever sends again may be without a network. */
  async incomplete({ id, count, kept, missing }: IncompleteArchive): Promise<void> {
    makeRecordFolder(this.#transfers);
    const path = join(this.#transfers, `${digestHex(id)}.missing.txt`);
    const numbers = shownNumbers(missing);
    // However long it is: whoever reads the page has nothing else.
    const all = shownNumbers(missing, missing.length);
    writeBeside(
      path,
      [
        'VOLUMES THAT DID NOT ARRIVE',
        '',
        `archive   ${shortDigest(id)}   of ${count} volumes`,
        `missing   ${all}`,
        '',
        `on the sending side: model-mirror export, with the same words as before and --volumes ${all}`,
        '',
      ].join('\n'),
    );
    this.#status |= exitBits.missing;
    this.#next = `model-mirror import DIR   (with the volumes that are missing; on the sending side: model-mirror export with the same words and --volumes ${numbers})`;
    await this.#io.stdout.write(
      [
        `kept      volumes ${shownNumbers(kept)} of ${count} of the archive ${shortDigest(id)}; their medium can be taken out`,
        `missing   ${numbers}`,
        `report    ${printable(path)}`,
        '',
      ].join('\n'),
    );
  }

  async end(): Promise<number> {
    if (this.#settings.quiet !== true || this.#status !== 0)
      await this.#io.stdout.write(`exit status ${explainExitStatus(this.#status)}\nnext: ${this.#next}\n`);
    return this.#status;
  }

  get progressed(): TransferProgress['update'] {
    return this.#progress.update;
  }

  stop(): void {
    this.#progress.stop();
  }

  async #keepRecord(
    path: string,
    outcome: ImportOutcome,
    papers: Papers,
    custody: Custody,
  ): Promise<KeptRecord> {
    const { archive, models, refused, taken, list, sheet } = outcome;
    await this.#noteList(outcome);
    const audit = await this.#mirror.records.note({
      ...{ kind: 'imported', archive, models: models.length, refused: refused.length, bytes: taken },
    });
    const record = custody.entry(papers.before, archive, {
      ...{ action: 'imported', models: models.length, refused: refused.length, bytes: outcome.total },
      ...{ list: list?.digest, audit },
    });
    return papers.keep(archive, record, { file: path, models: sheet, list });
  }

  /** The audit log says which list was in force from when on. */
  async #noteList({ renewal }: ImportOutcome): Promise<void> {
    if (renewal === undefined || renewal.unchanged) return;
    const { list, summary } = renewal;
    const { listId, version } = list;
    await this.#mirror.records.note({ kind: 'list-accepted', listId, version, list: summary.digest });
  }

  get #transfers(): string {
    return join(this.#mirror.data, 'transfers');
  }
}
