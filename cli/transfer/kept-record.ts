import { describeCause, KnownError } from '../../src/errors/index.ts';
import { makeFolders } from '../../src/files/index.ts';
import { printable } from '../../src/report/index.ts';

/** Where the record of an archive is kept here. */
export interface KeptRecord {
  readonly record: string;
  /** An earlier record of this side, which the one that came with the archive does not go on from; undefined for none. */
  readonly apart: string | undefined;
}

/** The same for people. */
export function* recordLines({ record, apart }: KeptRecord): Generator<string> {
  yield `record    ${printable(record)}\n`;
  if (apart !== undefined)
    yield `  kept    ${printable(apart)}   what was signed here before: the record that came does not go on from it\n`;
}

/** Makes the directory of the records of this side. @throws KnownError FILE_UNWRITABLE */
export function makeRecordFolder(path: string): void {
  try {
    makeFolders(path, 0o700);
  } catch (error) {
    throw new KnownError('FILE_UNWRITABLE', { path, problem: describeCause(error) }, error);
  }
}
