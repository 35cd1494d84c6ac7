import { createHash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { describeCause, KnownError } from '../errors/index.ts';
import { assertSame, settle } from '../files/index.ts';
import { ChunkTableBuilder } from './chunk-table.ts';
import {
  openUncached,
  pageAlignedBuffer,
  type ReadContext,
  readThrough,
  type Steps,
  toEnd,
} from './read-through.ts';
import { type Extent, ZeroFinder } from './zero-extents.ts';

/** What a thread is asked to do with an open file. Descriptors belong to the process, so a number is enough. */
export type HashTask =
  | { readonly kind: 'whole'; readonly fd: number; readonly pieceSize?: number }
  | { readonly kind: 'again'; readonly fd: number }
  | {
      readonly kind: 'pieces';
      readonly fd: number;
      readonly size: number;
      readonly pieceSize: number;
      /** 32 bytes a piece. */
      readonly expected: Uint8Array;
      /** The next piece nobody has taken, shared by all threads at work on this blob. */
      readonly next: Int32Array;
    };

export interface WholeResult {
  readonly kind: 'whole';
  /** 32 raw bytes. */
  readonly sha256: Uint8Array;
  readonly size: number;
  /** Raw chunk table, when one was asked for. */
  readonly table: Uint8Array | undefined;
}

export interface AgainResult {
  readonly kind: 'again';
  readonly sha256: Uint8Array;
  readonly size: number;
  /** False where O_DIRECT could not be had: the bytes may have come from the page cache. */
  readonly cacheBypassed: boolean;
  readonly zeroExtents: readonly Extent[];
  readonly zeroExtentCount: number;
  readonly zeroBytes: number;
}

export interface PiecesResult {
  readonly kind: 'pieces';
  /** Numbers of the pieces that differ, in order, 1,000 at most. */
  readonly wrong: readonly number[];
}

export type HashResult = WholeResult | AgainResult | PiecesResult;

/** What reading throws, as an error with a code. */
export const asKnown = (error: unknown): KnownError =>
  error instanceof KnownError
    ? error
    : new KnownError('FILE_UNREADABLE', { problem: describeCause(error) }, error);

const wrongLimit = 1000;
let buffer: Uint8Array | undefined;

/** Does one task in this thread, at once. @throws as `taskSteps` */
export const runTask = (task: HashTask, context: ReadContext): HashResult =>
  toEnd(taskSteps(task, context), (ms) => context.control.sleep(ms));

/** Does one task in this thread, step by step. @throws KnownError FILE_CHANGED, FILE_UNREADABLE, CANCELLED; system errors */
export function taskSteps(task: HashTask, context: ReadContext): Steps<HashResult> {
  buffer ??= pageAlignedBuffer();
  if (task.kind === 'whole') return readWhole(task.fd, task.pieceSize, buffer, context);
  if (task.kind === 'again') return readAgain(task.fd, buffer, context);
  return readPieces(task, buffer, context);
}

function* readWhole(
  fd: number,
  pieceSize: number | undefined,
  room: Uint8Array,
  context: ReadContext,
): Steps<WholeResult> {
  const before = settle(fd, context.whenDenied);
  const hash = createHash('sha256');
  const table = pieceSize === undefined ? undefined : new ChunkTableBuilder(pieceSize);
  const take = (part: Uint8Array) => {
    hash.update(part);
    table?.update(part);
  };
  const size = yield* readThrough(fd, room, context, take, 0, Number(before.size));
  assertSame(fd, before, 'while it was read');
  return { kind: 'whole', sha256: hash.digest(), size, table: table?.finish().bytes };
}

/** A second reading, past the page cache where that can be had, which also looks for zeroed extents. */
function* readAgain(fd: number, room: Uint8Array, context: ReadContext): Steps<AgainResult> {
  const before = settle(fd, context.whenDenied);
  const direct = openUncached(fd, room);
  try {
    const hash = createHash('sha256');
    const zeros = new ZeroFinder();
    const take = (part: Uint8Array, position: number) => {
      hash.update(part);
      zeros.update(part, position);
    };
    const size = yield* readThrough(direct ?? fd, room, context, take, 0, Number(before.size));
    zeros.finish();
    assertSame(fd, before, 'while it was read again');
    const found = { zeroExtents: zeros.extents, zeroExtentCount: zeros.count, zeroBytes: zeros.bytes };
    return { kind: 'again', sha256: hash.digest(), size, cacheBypassed: direct !== undefined, ...found };
  } finally {
    if (direct !== undefined) closeSync(direct);
  }
}

/** Pieces, one after the other, that no other thread has taken yet. The caller settles the file before and after. */
function* readPieces(
  task: HashTask & { kind: 'pieces' },
  room: Uint8Array,
  context: ReadContext,
): Steps<PiecesResult> {
  const wrong: number[] = [];
  const count = task.expected.length / 32;
  for (;;) {
    const piece = Atomics.add(task.next, 0, 1);
    if (piece >= count) break;
    const from = piece * task.pieceSize;
    const to = Math.min(from + task.pieceSize, task.size);
    const hash = createHash('sha256');
    yield* readThrough(task.fd, room, context, (part) => hash.update(part), from, to);
    const right = hash.digest().equals(task.expected.subarray(piece * 32, piece * 32 + 32));
    if (!right && wrong.length < wrongLimit) wrong.push(piece);
  }
  return { kind: 'pieces', wrong };
}
