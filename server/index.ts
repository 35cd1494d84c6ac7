export type { ListFiles } from './answer-list-file.ts';
export { Registry, type RegistryOptions, type RequestRecord } from './registry.ts';
