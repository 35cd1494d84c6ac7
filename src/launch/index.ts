export { type Account, accountOf, mayExecute } from './account.ts';
export { type CommandFile, resolveCommand } from './command-file.ts';
export { refuseTooLong } from './room-for-words.ts';
export { type ProvenStore, WatchedStore } from './watched-store.ts';
