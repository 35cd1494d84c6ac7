export { type CollectEffects, graceMs, unnamedBlobs } from './collect.ts';
export { type Rotten, type ScrubEffects, type ScrubTarget, scrub } from './scrub.ts';
