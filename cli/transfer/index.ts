export { type BesideArchive, baseOf, besideArchive, writtenBeside } from './beside.ts';
export {
  Custody,
  type CustodyWords,
  readBeside,
  refuseLink,
  writeBeside,
  writeRecord,
} from './custody.ts';
export { Papers } from './papers.ts';
export { senderLine, sendersOf } from './senders.ts';
export { TransferProgress } from './transfer-progress.ts';
export { parseVolumeNumbers } from './volume-numbers.ts';
