export { defaultStatePath, type StateEnvironment } from './locate.ts';
export { refuseForeignPath, StateDirectory, type StateEffects } from './state-directory.ts';
