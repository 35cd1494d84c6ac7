export { tool } from './context.ts';
export {
  checkFlags,
  commandNames,
  commonFlags,
  execFlags,
  type Flag,
  installFlags,
  networkFlags,
  watchFlags,
} from './flags.ts';
export { runProgram } from './program.ts';
