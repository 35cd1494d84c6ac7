export { mirrorFlags } from './flags.ts';
export { mirrorCommands, runMirror } from './program.ts';
