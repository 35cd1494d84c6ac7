import { FakeIo } from '../fixtures/fake-io.ts';
import { bareEnvironment, type MainRun, runMainWith } from '../fixtures/run-main.ts';

/**
 * `exec` of a store, in this process, with a change to it once every blob was hashed: when the progress of the hashing
 * ends, whatever time that took.
 *
 * @param words the flags of exec, which name the store
 */
export async function execWhile(words: readonly string[], change: () => void): Promise<MainRun> {
  class AtTheEndOfProgress extends FakeIo {
    override readonly every = (): (() => void) => change;
  }
  const io = new AtTheEndOfProgress({ environment: bareEnvironment });
  return runMainWith(io, ['exec', '--progress', 'plain', ...words, '--', 'sh']);
}
