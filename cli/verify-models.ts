#!/usr/bin/env node
import { main } from './main.ts';
import { processIo } from './terminal/index.ts';

main(process.argv.slice(2), process.versions.node, processIo()).then((status) => {
  process.exitCode = status;
});
