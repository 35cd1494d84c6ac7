import type { Settings } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { type CheckRequest, check, openList } from '../../src/verify/index.ts';
import { StoreChanges } from '../../src/watch/index.ts';
import type { Io } from '../terminal/index.ts';
import { requestOf } from './check.ts';
import { listRequestOf } from './list-request.ts';
import { sealingOf } from './sealing-of.ts';
import { failedCheck, type Outcome, outcomeOf, type PassKind } from './watch-outcome.ts';
import type { WatchState } from './watch-state.ts';

/** A full pass every day by default; everything is hashed in it, whatever the seal and the chunk tables say. */
const defaultEveryMs = 86_400_000;
/** Where a file system tells nothing (NFS), and where a store comes back, what changed is found within a minute. */
const lookMs = 60_000;
/** Events come in bursts: a pull writes many files. */
const settleMs = 200;

/** Checks what changes, and everything on a schedule: two loops, since a slow full pass must not keep a change waiting. */
export class WatchRun {
  readonly #settings: Settings;
  readonly #store: string;
  readonly #state: WatchState;
  readonly #io: Io;
  readonly #surroundings: () => Pick<CheckRequest, 'facts' | 'failOn'>;
  #changed = true;
  #wake: () => void = () => {};
  /** Changes that were seen so far. */
  #seen = 0;
  #isFirst = true;
  /** A full pass found something wrong and could not write it into the seal: what is in there is not taken any more. */
  #sealIsWrong = false;
  /** The last full pass was red: a check by chunk tables could call in order what it found. */
  #wholeWasRed = false;
  /** When the allow-list may be judged otherwise, as far as it was judged. */
  #listDate: Date | undefined;
  /** Why the full pass ended in a way that nobody expected. */
  #broken: { readonly reason: unknown } | undefined;

  /** @param surroundings asked before each check: what it is decided by, and who else can write that */
  constructor(
    settings: Settings,
    store: string,
    state: WatchState,
    io: Io,
    surroundings: () => Pick<CheckRequest, 'facts' | 'failOn'>,
  ) {
    this.#surroundings = surroundings;
    this.#settings = settings;
    this.#store = store;
    this.#state = state;
    this.#io = io;
  }

  async run(): Promise<void> {
    const { interrupted } = this.#io;
    const changes = new StoreChanges(this.#store, {
      onChange: () => {
        this.#seen += 1;
        this.#poke();
      },
      onProblem: (problem) =>
        void this.#io.stderr.write(
          `warning: not every directory can be watched (${problem}); changes are looked for every minute\n`,
        ),
    });
    let full: Promise<void> = Promise.resolve();
    const stopFull = this.#io.every(this.#settings.every ?? defaultEveryMs, () => {
      full = full.then(() => this.#fullPass());
    });
    try {
      while (!interrupted.aborted) {
        if (this.#broken !== undefined) throw this.#broken.reason;
        if (this.#changed) {
          this.#changed = false;
          await this.#pass('change');
        } else await this.#nextChange(changes);
      }
      await full;
    } finally {
      stopFull();
      changes.close();
    }
  }

  async #fullPass(): Promise<void> {
    try {
      await this.#pass('full');
    } catch (reason) {
      this.#broken = { reason };
      this.#poke();
    }
  }

  #poke(): void {
    this.#changed = true;
    this.#wake();
  }

  /** Comes back once something changed, a date of the list has come, or it is time to look; holds the process alive meanwhile. */
  async #nextChange(changes: StoreChanges): Promise<void> {
    const { interrupted, wait, now } = this.#io;
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    const untilDate = (this.#listDate?.getTime() ?? Number.POSITIVE_INFINITY) - now().getTime();
    await wait(Math.min(lookMs, Math.max(0, untilDate)), AbortSignal.any([interrupted, woken.signal]));
    this.#changed = true;
    if (woken.signal.aborted) await wait(settleMs, interrupted);
    // A store that was away (unmounted, renamed) sends no event when it comes back.
    else changes.look();
  }

  /**
   * One check, and what it found made the state of the store. A full pass during which something changed is no state: it
   * may have read a file before it was altered, and a check of what changed comes next. Nor is a pass during which another
   * one found something new.
   */
  async #pass(kind: PassKind): Promise<void> {
    if (this.#io.interrupted.aborted) return;
    const [seen, states] = [this.#seen, this.#state.changes];
    const outcome = await this.#check(kind);
    if (this.#io.interrupted.aborted) return;
    const isOvertaken = (kind === 'full' && this.#seen !== seen) || this.#state.changes !== states;
    if (!isOvertaken) return this.#state.publish(outcome);
    await this.#state.count(outcome);
    this.#poke();
  }

  async #check(kind: PassKind): Promise<Outcome> {
    const io = this.#io;
    const began = io.monotonic();
    // A store of which nothing was proven yet is as much to read as a full pass. What changes later is hashed at once.
    const isSlow = kind === 'full' || this.#isFirst;
    const afresh = kind === 'full' || this.#sealIsWrong;
    // One that has passed would make it look without a pause, should the list not be judged now.
    this.#listDate = undefined;
    try {
      const whole = this.#settings.whole === true || kind === 'full' || this.#wholeWasRed;
      const settings = { ...this.#settings, full: this.#settings.full === true || afresh, whole };
      const asked = { ...requestOf([], settings, this.#store, io), ...this.#surroundings() };
      const list = await openList(listRequestOf(settings, asked.openState, io.now()));
      this.#listDate = list?.outcome.nextChange;
      const sealing = sealingOf(settings, asked, false, io);
      const maxRate = isSlow ? settings['max-rate'] : undefined;
      const observer = { hashing: () => {}, finding: () => {}, ended: () => {} };
      const effects = { now: io.now, monotonic: io.monotonic, signal: io.interrupted, observer };
      // What limits a check in the settings of a host is not for this one: its word is about the whole store.
      const unlimited = { quick: false, subset: undefined, firstFailure: false };
      const report = await check({ ...asked, ...unlimited, list, sealing, maxRate }, effects);
      this.#isFirst = false;
      if (kind === 'full') this.#wholeWasRed = report.exitCode !== 0;
      const notKept = report.findings.some(({ rule }) => rule === 'state-unusable');
      if (settings.full) this.#sealIsWrong = report.exitCode !== 0 && notKept;
      return outcomeOf(kind, report);
    } catch (error) {
      if (!(error instanceof KnownError)) throw error;
      return failedCheck(kind, this.#store, error, io.monotonic() - began);
    }
  }
}
