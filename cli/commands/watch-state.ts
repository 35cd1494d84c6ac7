import { fchmodSync, writeFileSync } from 'node:fs';
import type { Settings } from '../../src/config/index.ts';
import { describeCause } from '../../src/errors/index.ts';
import { placeWith } from '../../src/files/index.ts';
import type { Finding } from '../../src/findings/index.ts';
import { WatchMetrics } from '../../src/observe/index.ts';
import { printable, safeJson, shownSize } from '../../src/report/index.ts';
import { type Io, notify } from '../terminal/index.ts';
import { tool } from './context.ts';
import type { Outcome } from './watch-outcome.ts';

/** Findings that wait for the program; an altered file may be altered again as often as somebody likes. */
const waitingLimit = 10_000;

/** How the watched store is, as far as it is known, and everybody who is told: log, metrics, text file, a program. */
export class WatchState {
  readonly metrics = new WatchMetrics();
  /** Why the store is not in order; undefined when it is. */
  wrong: string | undefined = 'nothing was checked yet';
  /** How often the state became another one. */
  changes = 0;
  readonly #settings: Settings;
  readonly #io: Io;
  #known: ReadonlySet<string> = new Set();
  #words = '';
  #exitCode = 0;
  /** What the program was not given yet. */
  #waiting: Finding[] = [];
  #notifying: Promise<void> | undefined;

  constructor(settings: Settings, io: Io) {
    this.#settings = settings;
    this.#io = io;
  }

  /** What this pass found is how the store is now. */
  async publish(outcome: Outcome): Promise<void> {
    const { kind, bad, check, words, isMade } = outcome;
    this.metrics.checked(kind, check, this.#io.now());
    this.metrics.found(check);
    const [reason] = bad;
    this.wrong = reason && printable(reason.message);
    const fresh = bad.filter((finding) => !this.#known.has(keyOf(finding)));
    const known = new Set(bad.map(keyOf));
    // Of a check that could not be made nothing is new but that.
    if (!isMade) for (const key of this.#known) known.add(key);
    const isNew = words !== this.#words || fresh.length > 0 || known.size !== this.#known.size;
    if (isNew) this.changes += 1;
    [this.#known, this.#words, this.#exitCode] = [known, words, check.exitCode];
    await this.#tell(fresh);
    // Nothing is said of a look that found what the one before had found.
    if (isNew || kind === 'full' || check.hashedBytes > 0) await this.#say(lineOf(outcome));
    await this.#writeTextfile();
    this.#notify(outcome.store, fresh);
  }

  /** Comes back once the program was given everything. */
  async told(): Promise<void> {
    await this.#notifying;
  }

  /** This pass was made; something changed meanwhile, so that what it found may be so no more. */
  async count(outcome: Outcome): Promise<void> {
    this.metrics.checked(outcome.kind, outcome.check, this.#io.now());
    await this.#writeTextfile();
    await this.#say(
      `${lineOf(outcome)}; something changed meanwhile, so what counts is the check that follows`,
    );
  }

  async #tell(fresh: readonly Finding[]): Promise<void> {
    for (const { rule, message, hint } of fresh) {
      await this.#say(`${rule}: ${printable(message)}`);
      if (hint !== undefined) await this.#say(`  next: ${printable(hint)}`);
    }
  }

  async #say(text: string): Promise<void> {
    await this.#io.stdout.write(`${this.#io.now().toISOString()} ${text}\n`);
  }

  async #writeTextfile(): Promise<void> {
    const { textfile } = this.#settings;
    if (textfile === undefined) return;
    try {
      const text = await this.metrics.text();
      // The directory is often another user's, who could lead root's writes elsewhere with a link.
      placeWith(textfile, 0o644, (fd) => {
        writeFileSync(fd, text);
        // Whatever the umask: the exporter is another user.
        fchmodSync(fd, 0o644);
      });
    } catch (error) {
      await this.#say(`warning: cannot write ${printable(textfile)}: ${describeCause(error)}`);
    }
  }

  /** The program may take a minute: what changes meanwhile is checked, and what is found waits for it. */
  #notify(store: string, fresh: readonly Finding[]): void {
    const command = this.#settings['on-finding'];
    if (command === undefined || fresh.length === 0) return;
    this.#waiting.push(...fresh.slice(0, waitingLimit - this.#waiting.length));
    this.#notifying ??= this.#notifyAll(command, store);
  }

  async #notifyAll(command: string, store: string): Promise<void> {
    while (this.#waiting.length > 0) {
      const document = {
        schema: 'urn:verify-models:findings:v1',
        tool,
        store,
        at: this.#io.now(),
        exitCode: this.#exitCode,
        findings: this.#waiting.splice(0),
      };
      const problem = await notify(command, `${safeJson(document)}\n`);
      if (problem !== undefined) await this.#say(`warning: ${printable(command)}: ${problem}`);
    }
    this.#notifying = undefined;
  }
}

const lineOf = ({ kind, words, check, isMade }: Outcome): string => {
  if (!isMade) return `not checked, ${words}`;
  return `${kind === 'full' ? 'full pass' : 'checked'}, ${words} (${shownSize(check.hashedBytes)} hashed)`;
};

const keyOf = ({ rule, model, path, digest, actual, message }: Finding): string =>
  JSON.stringify([rule, model, path, digest, actual, rule === 'check-failed' ? message : undefined]);
