export { defaultStatePath, type StateEnvironment } from './locate.ts';
export { StateDirectory, type StateEffects } from './state-directory.ts';
