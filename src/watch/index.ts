export { StoreChanges, type StoreChangesOptions } from './store-changes.ts';
