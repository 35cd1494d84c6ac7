/**
 * Loaded before each test file: what was compiled for one of them is taken from a file by the next. Half of the time of
 * a small test is the loading of the sources.
 */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/tests', import.meta.url)));

// Coverage is of this process. The programs that a test starts are the bundle, of which no report speaks, and half of
// what would be written and read again. (A whitelisted environment does not keep Node.js from handing the variable on.)
if (process.env.NODE_TEST_CONTEXT !== undefined) delete process.env.NODE_V8_COVERAGE;
