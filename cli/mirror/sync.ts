import { type Admission, type AdmissionEvents, digestOf } from '../../src/admission/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { exitBits, explainExitStatus } from '../../src/findings/index.ts';
import { fullName, type ModelName, parseModelName, shortDigest, shortName } from '../../src/oci/index.ts';
import { printable, shownSize } from '../../src/report/index.ts';
import { movedText } from '../screen/index.ts';
import { type Io, resolveProgress, Transfers } from '../terminal/index.ts';
import { refuseJson, settingsOf, type TypedFlags } from './mirror-settings.ts';
import { describeMoved } from './moved-layers.ts';
import { type OpenMirror, openMirror } from './open-mirror.ts';

/** `model-mirror sync MODEL... | --allow-list FILE`: fetches what is named, or all that is listed; once, or again and again. */
export async function runSync(words: readonly string[], flags: TypedFlags, io: Io): Promise<number> {
  const settings = settingsOf(flags, io);
  refuseJson(settings, 'sync');
  if (words.length === 0 && settings['allow-list'] === undefined)
    throw new KnownError('USAGE', { problem: 'sync needs names of models, or --allow-list FILE' });
  const named = words.map((word) => parseModelName(word));
  const mirror = await openMirror(settings, flags, io);
  const signal = io.interrupted;
  const sizes = new Map<string, number>();
  const transfers = new Transfers(
    resolveProgress(settings.progress ?? 'auto', settings.quiet === true, io),
    io,
  );
  const events: AdmissionEvents = {
    admitted: (name, bytes) => sizes.set(name, bytes),
    failed: () => {},
    arrived: (digest, bytes, size) => transfers.arrived(digest, bytes, size),
    tableWrong: (digest) =>
      void io.stderr.write(`warning: the list's chunk table of ${digest} is not that of its bytes\n`),
  };
  const admission = mirror.admission(events, signal, { fetchUnlisted: true });
  try {
    for (;;) {
      const round = new Round({ mirror, admission, sizes, transfers, quiet: settings.quiet === true }, io);
      for (const name of named.length > 0 ? named : listed(mirror)) {
        if (signal.aborted) break;
        await round.bring(name);
      }
      const status = await round.end();
      if (settings.every === undefined || signal.aborted) return interruptedOr(status, signal);
      await until(io.after(settings.every), signal);
      if (signal.aborted) return interruptedOr(status, signal);
      await mirror.list.refresh();
    }
  } finally {
    transfers.pause();
    await mirror.close();
  }
}

const interruptedOr = (status: number, { aborted, reason }: AbortSignal): number =>
  aborted && typeof reason === 'number' ? reason : status;

/** Every model of the list. @throws KnownError LIST_NOT_ACCEPTED */
function listed({ list: { standing } }: OpenMirror): readonly ModelName[] {
  if (standing.kind === 'accepted')
    return [...standing.approved.list.models.keys()].map((name) => parseModelName(name));
  const reason = standing.kind === 'refused' ? standing.reason : 'there is none';
  throw new KnownError('LIST_NOT_ACCEPTED', { reason });
}

interface RoundTools {
  readonly mirror: OpenMirror;
  readonly admission: Admission;
  /** Bytes of models that were fetched, by full name. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly transfers: Transfers;
  readonly quiet: boolean;
}

/** One pass over the models: a line for each, and a status for all. */
class Round {
  readonly #tools: RoundTools;
  readonly #io: Io;
  readonly #counts = { here: 0, fetched: 0, moved: 0, refused: 0, failed: 0 };
  #status = 0;

  constructor(tools: RoundTools, io: Io) {
    this.#tools = tools;
    this.#io = io;
  }

  async bring(name: ModelName): Promise<void> {
    const shown = printable(shortName(name));
    try {
      const outcome = await this.#tools.admission.bring(name);
      if (outcome === 'here') {
        this.#counts.here += 1;
        if (!this.#tools.quiet) await this.#tell(`here      ${shown}`);
        await this.#lookUpstream(name, shown);
      } else if (outcome === 'fetched') {
        this.#counts.fetched += 1;
        const size = this.#tools.sizes.get(fullName(name));
        if (!this.#tools.quiet)
          await this.#tell(`fetched   ${shown}${size === undefined ? '' : `   ${shownSize(size)}`}`);
      } else if (outcome.kind === 'refused') {
        this.#counts.refused += 1;
        this.#status |= exitBits.untrusted;
        await this.#tell(`refused   ${shown}   ${printable(outcome.sentence)}`);
      } else {
        const why = outcome.kind === 'unknown' ? 'upstream does not have it' : outcome.sentence;
        await this.#fail(shown, exitBits.unchecked, why);
      }
    } catch (error) {
      if (this.#io.interrupted.aborted) return;
      if (!(error instanceof KnownError)) throw error;
      await this.#fail(shown, error.exitStatus === 1 ? exitBits.altered : exitBits.unchecked, error.message);
    }
  }

  /** The sum, and the command that comes next. */
  async end(): Promise<number> {
    const { here, fetched, moved, refused, failed } = this.#counts;
    if (!this.#tools.quiet) {
      await this.#io.stdout.write(
        `${fetched} fetched, ${here} here already, ${moved} moved upstream, ${refused} refused, ${failed} failed\n`,
      );
      await this.#io.stdout.write(
        `exit status ${explainExitStatus(this.#status)}\nnext: model-mirror serve\n`,
      );
    }
    return this.#status;
  }

  /** A tag that moved is told and never followed. */
  async #lookUpstream(name: ModelName, shown: string): Promise<void> {
    const { records, routes } = this.#tools.mirror;
    const admitted = await records.find(name);
    const route = routes.forName(name) ?? routes.of('');
    if (admitted === undefined) return;
    const signal = this.#io.interrupted;
    const { namespace, model, tag } = admitted.name;
    let bytes: Buffer;
    try {
      bytes = await route.upstream.manifest(`${namespace}/${model}`, tag, signal);
    } catch {
      // What is here stays good when upstream is away.
      return;
    }
    const found = digestOf(bytes);
    if (found === admitted.digest) return;
    await records.moved(admitted.name, admitted.digest, found);
    this.#counts.moved += 1;
    this.#status |= exitBits.untrusted;
    await this.#tell(
      `moved     ${shown}   here ${shortDigest(admitted.digest)}, upstream ${shortDigest(found)}; it is not followed`,
    );
    const both = { before: admitted.bytes, after: bytes };
    const described = await describeMoved(admitted.name, both, this.#tools.mirror, route.upstream, signal);
    if (described === undefined) return;
    for (const line of movedText(described, false)) await this.#io.stdout.write(line);
  }

  async #fail(shown: string, bit: number, why: string): Promise<void> {
    this.#counts.failed += 1;
    this.#status |= bit;
    await this.#tell(`failed    ${shown}   ${printable(why)}`);
  }

  async #tell(line: string): Promise<void> {
    this.#tools.transfers.pause();
    await this.#io.stdout.write(`${line}\n`);
  }
}

async function until(end: AbortSignal, interrupted: AbortSignal): Promise<void> {
  const both = AbortSignal.any([end, interrupted]);
  if (both.aborted) return;
  await new Promise<void>((resolve) => {
    both.addEventListener('abort', () => resolve(), { once: true });
  });
}
