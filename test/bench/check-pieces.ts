/** A program of its own: FILE TABLE THREADS. Ends with 0 when the file is what its chunk table says. */
import { openSync, readFileSync, statSync } from 'node:fs';
import { HashPool, parseChunkTable } from '../../src/hash/index.ts';

const [file = '', table = '', threads = ''] = process.argv.slice(2);
const pool = new HashPool({ threads: Number(threads) });
const chunks = parseChunkTable(readFileSync(table), statSync(file).size);
pool.verifyPieces(openSync(file, 'r'), file, chunks).then((wrong) => {
  process.exitCode = wrong.length === 0 ? 0 : 1;
});
