/** A program: `exec` of a store, while another one is mounted over it. Says how that ended. */
import { execFileSync } from 'node:child_process';
import { execWhile } from './exec-while.ts';

const [, , store = '', state = '', other = ''] = process.argv;
const { status, stderr, io } = await execWhile(['--store', store, '--state', state], () =>
  execFileSync('mount', ['--bind', other, store]),
);
process.stdout.write(JSON.stringify({ status, stderr, started: io.replaced !== undefined }));
