export { noteSigner, ownCustodyKey, signersOf } from './custody-key.ts';
export { assertSentBy, hintsIn, type Sender, signIndex } from './index-signature.ts';
export { type SheetFacts, transferSheet } from './sheet.ts';
export {
  appendEntry,
  assertContinues,
  readRecord,
  recordWord,
  type TransferEntry,
  type TransferFacts,
  type TransferRecord,
} from './transfer-record.ts';
