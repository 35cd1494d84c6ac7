/**
 * Loaded before each test file: what was compiled for one of them is taken from a file by the next. Half of the time of
 * a small test is the loading of the sources.
 */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/tests', import.meta.url)));
