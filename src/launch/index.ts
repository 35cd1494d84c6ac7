export { type Account, accountOf, mayExecute } from './account.ts';
export { type AllowedModel, buildAllowedView } from './allowed-view.ts';
export { resolveCommand } from './command-file.ts';
export { type Outcasts, type Quarantined, quarantine } from './quarantine.ts';
export { refuseTooLong } from './room-for-words.ts';
export { type ProvenStore, WatchedStore } from './watched-store.ts';
