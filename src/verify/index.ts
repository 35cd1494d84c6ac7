export { check } from './check.ts';
export type { CheckEffects, CheckObserver, CheckRequest, HashingProgress } from './check-request.ts';
export { type ListedModel, listModels } from './list-models.ts';
export { nearest } from './nearest.ts';
