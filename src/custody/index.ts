export { noteSigner, ownCustodyKey, signersOf } from './custody-key.ts';
export { assertSentBy, hintsIn, type Sender, signIndex } from './index-signature.ts';
export { type SheetFacts, transferSheet } from './sheet.ts';
export {
  type ArchiveFacts,
  appendEntry,
  assertContinues,
  readRecord,
  readRecordOf,
  recordWord,
  type TransferEntry,
  type TransferFacts,
  type TransferRecord,
} from './transfer-record.ts';
