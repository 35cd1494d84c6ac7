export {
  type AliasChange,
  type Comparison,
  compareTwoLists,
  compareWithStore,
  type EntryChange,
  isSame,
} from './comparison.ts';
export { counted } from './counted.ts';
export { diffText, totalSize } from './diff-text.ts';
export { movedText } from './moved-text.ts';
