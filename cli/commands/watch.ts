import { isAbsolute, relative } from 'node:path';
import type { ListenAddress, Settings } from '../../src/config/index.ts';
import { describeCause, KnownError } from '../../src/errors/index.ts';
import { replaceFile } from '../../src/files/index.ts';
import type { Finding } from '../../src/findings/index.ts';
import { Admin, WatchMetrics } from '../../src/observe/index.ts';
import { type CheckReport, printable, shownSize } from '../../src/report/index.ts';
import { check, openList } from '../../src/verify/index.ts';
import { StoreChanges } from '../../src/watch/index.ts';
import { type Io, notify } from '../terminal/index.ts';
import { requestOf } from './check.ts';
import { counted, refuseFormats, settingsOf, storeOf, type TypedFlags } from './context.ts';
import { listRequestOf, refuseListNonsense } from './list-request.ts';
import { sealingOf } from './sealing-of.ts';

/** A full pass every day by default; everything is hashed in it, whatever the seal says. */
const defaultEveryMs = 86_400_000;
/** Where a file system tells nothing (NFS), what changed is found within a minute. */
const lookMs = 60_000;
/** Events come in bursts: a pull writes many files. */
const settleMs = 200;

type Kind = 'change' | 'full';

/**
 * `verify-models watch`: checks what changes as it changes, and everything on a schedule, until Ctrl-C or SIGTERM. Ends
 * with 0 then: what was found was said when it was found.
 */
export async function runWatch(flags: TypedFlags, io: Io): Promise<number> {
  refuseFormats(flags, 'watch');
  const settings = settingsOf(flags, io);
  refuseListNonsense(settings, flags);
  const { path: store } = await storeOf(settings, io);
  const { textfile } = settings;
  if (textfile !== undefined) refuseInStore(textfile, store);
  const watch = new Watch(settings, store, io);
  const admin = new Admin({ ready: async () => watch.wrong, metrics: () => watch.metrics.text() });
  try {
    if (settings['metrics-listen'] !== undefined) await listen(admin, settings['metrics-listen'], io);
    await watch.run();
    return 0;
  } finally {
    await admin.close();
  }
}

function refuseInStore(file: string, store: string): void {
  const way = relative(store, file);
  if (way.startsWith('..') || isAbsolute(way)) return;
  throw new KnownError('REPORT_IN_STORE', { path: file });
}

async function listen(admin: Admin, { host, port }: ListenAddress, io: Io): Promise<void> {
  try {
    const at = await admin.listen(host, port);
    const shown = host.includes(':') ? `[${host}]` : host;
    await io.stderr.write(`metrics and health on http://${shown}:${at.port}\n`);
  } catch (error) {
    throw new KnownError(
      'LISTEN_FAILED',
      { address: `${host}:${port}`, problem: describeCause(error) },
      error,
    );
  }
}

class Watch {
  readonly metrics = new WatchMetrics();
  /** Why the store is not in order; undefined when it is. */
  wrong: string | undefined = 'nothing was checked yet';
  readonly #settings: Settings;
  readonly #store: string;
  readonly #io: Io;
  #known = new Set<string>();
  #last = '';
  #wake: () => void = () => {};
  #changed = true;

  constructor(settings: Settings, store: string, io: Io) {
    this.#settings = settings;
    this.#store = store;
    this.#io = io;
  }

  /** Two loops: a slow full pass must not keep a change waiting. */
  async run(): Promise<void> {
    const { interrupted } = this.#io;
    const changes = new StoreChanges(this.#store, {
      onChange: () => this.#poke(),
      onProblem: (problem) =>
        void this.#io.stderr.write(
          `warning: not every directory can be watched (${problem}); changes are looked for every minute\n`,
        ),
    });
    let full: Promise<void> = Promise.resolve();
    const stopFull = this.#io.every(this.#settings.every ?? defaultEveryMs, () => {
      full = full.then(() => this.#pass('full'));
    });
    try {
      while (!interrupted.aborted) {
        if (this.#changed) {
          this.#changed = false;
          await this.#pass('change');
        } else await this.#nextChange();
      }
      await full;
    } finally {
      stopFull();
      changes.close();
    }
  }

  #poke(): void {
    this.#changed = true;
    this.#wake();
  }

  /** Comes back once something changed, or it is time to look; holds the process alive meanwhile. */
  async #nextChange(): Promise<void> {
    const { interrupted, wait } = this.#io;
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    await wait(lookMs, AbortSignal.any([interrupted, woken.signal]));
    this.#changed = true;
    if (woken.signal.aborted) await wait(settleMs, interrupted);
  }

  async #pass(kind: Kind): Promise<void> {
    const io = this.#io;
    if (io.interrupted.aborted) return;
    try {
      const settings = kind === 'full' ? { ...this.#settings, full: true } : this.#settings;
      const asked = requestOf([], settings, this.#store, io);
      const list = await openList(listRequestOf(settings, asked.openState, io.now()));
      const sealing = sealingOf(settings, asked, false, io);
      // What changed is hashed at once; only the pass over everything is slowed down.
      const maxRate = kind === 'full' ? settings['max-rate'] : undefined;
      const observer = { hashing: () => {}, finding: () => {}, ended: () => {} };
      const effects = { now: io.now, monotonic: io.monotonic, signal: io.interrupted, observer };
      await this.#publish(kind, await check({ ...asked, list, sealing, maxRate }, effects));
    } catch (error) {
      if (!(error instanceof KnownError)) throw error;
      this.wrong = error.message;
      await this.#say(`could not be checked: ${error.message}`);
    }
  }

  async #publish(kind: Kind, report: CheckReport): Promise<void> {
    const io = this.#io;
    if (io.interrupted.aborted) return;
    const bad = report.findings.filter(({ bit }) => bit !== 0);
    const findings = new Map<string, number>();
    for (const { rule } of bad) findings.set(rule, (findings.get(rule) ?? 0) + 1);
    const { ok, altered, untrusted, missing, unchecked, hashedBytes } = report.summary;
    const models = { ok, altered, untrusted, missing, unchecked };
    const { exitCode, durationMs } = report;
    this.metrics.checked(kind, { exitCode, durationMs, hashedBytes, models, findings }, io.now());
    this.wrong = bad[0]?.message;
    const fresh = bad.filter((finding) => !this.#known.has(keyOf(finding)));
    this.#known = new Set(bad.map(keyOf));
    await this.#tell(kind, report, fresh);
    await this.#writeTextfile();
    if (fresh.length > 0) await this.#notify(report, fresh);
  }

  /** Nothing is said of a look that found what the one before had found. */
  async #tell(kind: Kind, report: CheckReport, fresh: readonly Finding[]): Promise<void> {
    const { models, bytes, hashedBytes } = report.summary;
    const found = report.exitCode === 0 ? 'in order' : `exit status ${report.exitCode}`;
    const state = `${found}: ${counted(models, 'model')}, ${shownSize(bytes)}`;
    for (const { rule, message, hint } of fresh) {
      await this.#say(`${rule}: ${printable(message)}`);
      if (hint !== undefined) await this.#say(`  next: ${printable(hint)}`);
    }
    if (kind === 'change' && fresh.length === 0 && hashedBytes === 0 && state === this.#last) return;
    this.#last = state;
    await this.#say(
      `${kind === 'full' ? 'full pass' : 'checked'}, ${state} (${shownSize(hashedBytes)} hashed)`,
    );
  }

  async #say(text: string): Promise<void> {
    await this.#io.stdout.write(`${this.#io.now().toISOString()} ${text}\n`);
  }

  async #writeTextfile(): Promise<void> {
    const { textfile } = this.#settings;
    if (textfile === undefined) return;
    try {
      replaceFile(textfile, await this.metrics.text(), 0o644);
    } catch (error) {
      await this.#say(`warning: cannot write ${printable(textfile)}: ${describeCause(error)}`);
    }
  }

  async #notify(report: CheckReport, findings: readonly Finding[]): Promise<void> {
    const command = this.#settings['on-finding'];
    if (command === undefined) return;
    const { tool, store, exitCode } = report;
    const document = {
      schema: 'urn:verify-models:findings:v1',
      tool,
      store,
      at: this.#io.now(),
      exitCode,
      findings,
    };
    const problem = await notify(command, `${JSON.stringify(document)}\n`);
    if (problem !== undefined) await this.#say(`warning: ${printable(command)}: ${problem}`);
  }
}

const keyOf = ({ rule, model, path, digest, actual }: Finding): string =>
  JSON.stringify([rule, model, path, digest, actual]);
