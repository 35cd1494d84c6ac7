export {
  type AuditRecord,
  type ChainBreak,
  type ChainEnd,
  emptyChain,
  nextRecord,
  verifyChain,
} from './chain.ts';
export type { AuditEvent } from './event.ts';
