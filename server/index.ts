export type { HeldLimits } from './held-requests.ts';
export { type ListFiles, Registry, type RegistryOptions, type RequestRecord } from './registry.ts';
