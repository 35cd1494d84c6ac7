import { readFileSync } from 'node:fs';

/** A 64-bit program of this machine that is nothing but headers (elf(5)): with the loader that it names, if any. */
export interface MadeElf {
  /** 2 is a program, 3 one that may lie anywhere; 1 is an object file, 4 a core dump. */
  readonly type?: number;
  /** The bytes of PT_INTERP, their NUL included. */
  readonly loader?: string;
  readonly entrySize?: number;
  readonly entries?: number;
  /** Where the program headers lie; behind the header by default. */
  readonly at?: number;
  readonly machine?: number;
}

const [headerSize, entrySize] = [64, 56];

export function madeElf(made: MadeElf = {}): Buffer {
  const own = readFileSync(process.execPath).subarray(0, headerSize);
  const loader = Buffer.from(made.loader ?? '', 'latin1');
  const at = made.at ?? headerSize;
  const bytes = Buffer.alloc(at + entrySize + loader.length);
  own.copy(bytes, 0, 0, 20);
  bytes.writeUInt16LE(made.type ?? 3, 16);
  if (made.machine !== undefined) bytes.writeUInt16LE(made.machine, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(BigInt(at), 32);
  bytes.writeUInt16LE(headerSize, 52);
  bytes.writeUInt16LE(made.entrySize ?? entrySize, 54);
  bytes.writeUInt16LE(made.entries ?? 1, 56);
  // PT_INTERP, or PT_NOTE, which is passed over.
  bytes.writeUInt32LE(made.loader === undefined ? 4 : 3, at);
  bytes.writeBigUInt64LE(BigInt(at + entrySize), at + 8);
  bytes.writeBigUInt64LE(BigInt(loader.length), at + 32);
  loader.copy(bytes, at + entrySize);
  return bytes;
}
