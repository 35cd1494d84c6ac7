export { tool } from './context.ts';
export { checkFlags, commandNames, commonFlags, type Flag } from './flags.ts';
export { runProgram } from './program.ts';
