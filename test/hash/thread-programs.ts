/** A program for a hashing thread, from its text. */
const program = (text: string): URL =>
  new URL(
    `data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads';\n${text}`)}`,
  );

const answer = (size: string): string =>
  `parentPort.postMessage({ result: { kind: 'whole', sha256: new Uint8Array(32), size: ${size}, table: undefined } });`;

/** Ends without a word when it gets the descriptor 1000; gives other descriptors back as sizes. */
export const leaving = program(`
  parentPort.on('message', ({ fd }) => {
    if (fd === 1000) process.exit(3);
    ${answer('fd')}
  });`);

/** Throws where nothing catches it. */
export const throwing = program(`
  parentPort.on('message', () => setImmediate(() => { throw new Error('boom'); }));`);

/** Answers once and ends a moment later. */
export const leavingIdle = program(`
  parentPort.on('message', () => {
    ${answer('1')}
    setImmediate(() => process.exit(0));
  });`);

/** Takes a task and never answers. */
export const silent = program("parentPort.on('message', () => {});");

/** Cannot be loaded. */
export const broken = program('this is no program');
