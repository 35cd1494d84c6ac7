#!/usr/bin/env node
import { tool } from './commands/index.ts';
import { main } from './main.ts';
import { runMirror } from './mirror/index.ts';
import { processIo, tellError } from './terminal/index.ts';

const io = processIo();

// What nobody awaited ends here too: as one line and 70, not as Node's stack trace and its 1, which means "altered".
process.on('uncaughtException', (error) => {
  void tellError(error, io.stderr, 'model-mirror').then((status) => process.exit(status));
});

main(
  process.argv.slice(2),
  process.versions.node,
  io,
  (args) => runMirror(args, io, tool.version),
  'model-mirror',
).then((status) => {
  process.exitCode = status;
});
