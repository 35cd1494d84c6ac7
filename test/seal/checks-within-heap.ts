import { parentPort, workerData } from 'node:worker_threads';
import { newMountInfo } from '../fixtures/fake-io.ts';
import { newIo, runMainWith } from '../fixtures/run-main.ts';

/** Checks as the words say, one after the other, in a thread whose heap has a limit: what is kept must fit into it. */
const { runs, time } = workerData as { readonly runs: readonly (readonly string[])[]; readonly time: number };
for (const words of runs) {
  const io = newIo();
  io.pass(time);
  io.hostFacts = { mountInfo: newMountInfo('ext4'), bootId: 'boot-1', groups: [] };
  const { status, stdout, stderr } = await runMainWith(io, words);
  parentPort?.postMessage({ status, stdout, stderr });
}
