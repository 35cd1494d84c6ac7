export { type BesideArchive, baseOf, besideArchive } from './beside.ts';
export {
  Custody,
  type CustodyWords,
  readBeside,
  readNamed,
  writeBeside,
  writeRecord,
} from './custody.ts';
export { type KeptRecord, makeRecordFolder, recordLines } from './kept-record.ts';
export { Papers } from './papers.ts';
export { senderLine, sendersOf } from './senders.ts';
export { TransferProgress } from './transfer-progress.ts';
export { parseVolumeNumbers, shownNumbers } from './volume-numbers.ts';
