export { type Account, accountOf, mayExecute } from './account.ts';
export { type AllowedModel, buildAllowedView, type ViewEffects } from './allowed-view.ts';
export { type CommandSearch, firstReachable, type Runnable, runnableFiles } from './command-file.ts';
export { refuseLedAstray } from './named-store.ts';
export { type Outcasts, type Quarantined, quarantine } from './quarantine.ts';
export { refuseTooLong, type Words } from './room-for-words.ts';
export { refuseAltered, type StartedWith } from './unaltered-words.ts';
export { reflink } from './view-blobs.ts';
export { type ProvenStore, WatchedStore } from './watched-store.ts';
