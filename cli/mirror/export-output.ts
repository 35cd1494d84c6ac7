import { statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type ArchiveSink,
  cutIntoVolumes,
  shownNumbers,
  VolumeFiles,
  type VolumeHeader,
  volumeFileSize,
  WholeFile,
} from '../../src/archive/index.ts';
import type { LockEffects } from '../../src/blobs/index.ts';
import { parseBytes } from '../../src/config/index.ts';
import { describeCause, KnownError, systemCode } from '../../src/errors/index.ts';
import { shortDigest } from '../../src/oci/index.ts';
import type { ExportPlan } from '../../src/transfer/index.ts';
import { baseOf, parseVolumeNumbers } from '../transfer/index.ts';

/** Bytes that are left free on the medium, for the files beside the archive. */
const margin = 1024 * 1024;

/** Where an archive goes. */
export interface OutputPlace {
  /** The archive as one file; volumes are named after it. */
  readonly path: string;
  /** What is written, for people. */
  readonly shown: string;
  /** What to type on the other side. */
  readonly next: string;
  readonly volumes:
    | {
        readonly all: readonly VolumeHeader[];
        readonly wanted: ReadonlySet<number>;
        readonly pathOf: (number: number) => string;
      }
    | undefined;
  /** Said before the first byte is written. @throws KnownError NO_ROOM, FILE_UNWRITABLE */
  ensureRoom(): Promise<void>;
}

/** @throws KnownError USAGE */
export function placeOf(
  output: string,
  plan: ExportPlan,
  { split, volumes: numbers }: { readonly split?: string; readonly volumes?: string },
): OutputPlace {
  const isFolder = output.endsWith('/') || isDirectory(output);
  const path = isFolder ? join(output, `models-${shortDigest(plan.id)}.tar`) : output;
  if (!path.endsWith('.tar')) throw new KnownError('USAGE', { problem: `-o ${output} does not end in .tar` });
  if (split === undefined) {
    if (numbers !== undefined)
      throw new KnownError('USAGE', { problem: '--volumes says nothing without --split SIZE' });
    const ensureRoom = () => roomFor([{ path, size: plan.total }]);
    return { path, shown: path, next: path, volumes: undefined, ensureRoom };
  }
  const size = parseBytes(split);
  if (size === undefined) throw new KnownError('USAGE', { problem: '--split takes a size such as 4GB' });
  const all = cutIntoVolumes(plan.id, plan.total, size);
  const width = Math.max(3, `${all.length}`.length);
  const pathOf = (number: number) => `${baseOf(path)}.${`${number}`.padStart(width, '0')}.tar`;
  const wanted =
    numbers === undefined
      ? new Set(all.map(({ number }) => number))
      : parseVolumeNumbers(numbers, all.length);
  const which = numbers === undefined ? '' : ` (${shownNumbers([...wanted].sort((a, b) => a - b))})`;
  return {
    ...{ path, next: dirname(path), volumes: { all, wanted, pathOf } },
    shown: `${pathOf(1)} to ${pathOf(all.length)}${which}`,
    ensureRoom: () =>
      roomFor(
        all
          .filter(({ number }) => wanted.has(number))
          .map((header) => ({ path: pathOf(header.number), size: volumeFileSize(header) })),
      ),
  };
}

/** @throws KnownError FILE_UNWRITABLE, OUTPUT_BUSY */
export const openOutput = (
  { path, volumes }: OutputPlace,
  effects: LockEffects,
): ArchiveSink | VolumeFiles =>
  volumes === undefined
    ? new WholeFile(path, effects)
    : new VolumeFiles(volumes.all, volumes.pathOf, volumes.wanted, effects);

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** What an earlier run wrote counts: it is not written again. */
async function roomFor(files: readonly { readonly path: string; readonly size: number }[]): Promise<void> {
  const [first] = files;
  if (first === undefined) return;
  const path = dirname(first.path);
  const needed = files.reduce((sum, file) => sum + Math.max(0, file.size - sizeThere(file.path)), 0);
  let free: number;
  try {
    const { bavail, bsize } = await statfs(path);
    free = Math.max(0, bavail * bsize - margin);
  } catch (error) {
    const problem = systemCode(error) === 'ENOENT' ? 'there is no such directory' : describeCause(error);
    throw new KnownError('FILE_UNWRITABLE', { path, problem }, error);
  }
  if (needed > free) throw new KnownError('NO_ROOM', { needed, path, free });
}

function sizeThere(path: string): number {
  const sizes = [path, `${path}.partial`].map((one) => {
    try {
      return statSync(one).size;
    } catch {
      return 0;
    }
  });
  return Math.max(...sizes);
}
