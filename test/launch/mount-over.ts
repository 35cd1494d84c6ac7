/** A program: watches a store, mounts another one over a part of it, and prints what was seen of that. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { WatchedStore } from '../../src/launch/index.ts';
import { provenNow } from './proven-now.ts';

const [, , store = '', part = '', other = ''] = process.argv;
const watched = new WatchedStore(store, []);
const proven = await provenNow(store);
execFileSync('mount', ['--bind', join(other, part), join(store, part)]);
process.stdout.write((await watched.whatMoved(proven)) ?? 'nothing');
