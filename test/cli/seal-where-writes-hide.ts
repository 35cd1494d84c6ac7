import { newMountInfo } from '../fixtures/fake-io.ts';
import { newIo, runMainWith } from '../fixtures/run-main.ts';

/**
 * Two sealed checks and a start, of the store and with the state that are named, on a file system where a write through a
 * mapping shows only once it is flushed. Prints what each ended with, and the findings about seals.
 */
const [store = '', state = '', ms = ''] = process.argv.slice(2);
const told: unknown[] = [];
for (const words of [['check', '--sealed'], ['check', '--sealed'], ['exec']]) {
  const io = newIo();
  io.pass(Number(ms));
  io.hostFacts = { mountInfo: newMountInfo('nfs4'), bootId: 'boot-1', groups: [] };
  const command = words[0] === 'exec' ? ['--', 'sh'] : [];
  const places = ['--store', store, '--state', state, '--jobs', '0'];
  const { status, stdout, stderr } = await runMainWith(io, [...words, ...places, ...command]);
  told.push([status, /seal-(?:not-)?used|0 B hashed now/.exec(stdout + stderr)?.[0], io.replaced?.words]);
}
process.stdout.write(JSON.stringify(told));
