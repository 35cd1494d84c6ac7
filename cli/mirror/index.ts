export { commonFlags as mirrorFlags } from './flags.ts';
export { mirrorCommands, runMirror } from './program.ts';
