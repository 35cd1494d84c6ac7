export { tool } from './context.ts';
export {
  checkFlags,
  commandNames,
  commonFlags,
  execFlags,
  type Flag,
  networkFlags,
  watchFlags,
} from './flags.ts';
export { runProgram } from './program.ts';
