export { tool } from './context.ts';
export { checkFlags, commandNames, commonFlags, execFlags, type Flag, networkFlags } from './flags.ts';
export { runProgram } from './program.ts';
