export { type BesideArchive, baseOf, besideArchive, writtenBeside } from './beside.ts';
export {
  Custody,
  type CustodyWords,
  readBeside,
  readNamed,
  refuseLink,
  writeBeside,
  writeRecord,
} from './custody.ts';
export { inTurn } from './in-turn.ts';
export { type KeptRecord, makeRecordFolder, recordLines } from './kept-record.ts';
export { Papers } from './papers.ts';
export { senderLine, sendersOf } from './senders.ts';
export { TransferProgress } from './transfer-progress.ts';
export { parseVolumeNumbers } from './volume-numbers.ts';
