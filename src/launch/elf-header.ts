/** Bytes of the header of a 64-bit program (elf(5)). */
const headerSize = 64;
const entrySize = 56;
/** What Linux allows the table of program headers and the name of a loader. */
const [tableLimit, nameLimit] = [65_536, 4096];
const [typeExecutable, typeShared, entryInterpreter] = [2, 3, 3];

/** Reads a part of the program's file; less where the file ends. */
export type ReadAt = (position: number, bytes: number) => Buffer;

export const isElf = (head: Buffer): boolean => head.subarray(0, 4).toString('latin1') === '\x7fELF';

/** e_ident's class and byte order, and e_machine. */
const machineOf = (head: Buffer): string => `${head[4]}:${head[5]}:${head[18]}:${head[19]}`;

/** Why a program is none that this machine's kernel starts; undefined when it is one. */
export function problemOfProgram(head: Buffer, own: Buffer, readAt: ReadAt): string | undefined {
  const broken = problemOfHeader(head, own, readAt);
  if (broken !== undefined || !is64Bit(head)) return broken;
  const type = viewOf(head).getUint16(16, isLittleEndian(head));
  return type === typeExecutable || type === typeShared
    ? undefined
    : 'is an ELF file, but no program (e_type)';
}

/** The same for a loader, whose type does not count. */
export function problemOfHeader(head: Buffer, own: Buffer, readAt: ReadAt): string | undefined {
  if (isElf(own) && machineOf(own) !== machineOf(head)) return 'is a program for another machine';
  // Other kinds are left to the kernel.
  if (!is64Bit(head)) return undefined;
  return entriesOf(head, readAt) === undefined ? 'is a program whose headers are broken' : undefined;
}

/**
 * The loader that a program needs (PT_INTERP); undefined where it needs none, a problem where the kernel would not take
 * its name.
 */
export function loaderOf(
  head: Buffer,
  readAt: ReadAt,
): { readonly name: string } | { readonly problem: string } | undefined {
  const entries = is64Bit(head) ? entriesOf(head, readAt) : undefined;
  if (entries === undefined) return undefined;
  const [view, little] = [viewOf(entries), isLittleEndian(head)];
  for (let at = 0; at < entries.length; at += entrySize) {
    if (view.getUint32(at, little) !== entryInterpreter) continue;
    const [offset, bytes] = [view.getBigUint64(at + 8, little), view.getBigUint64(at + 32, little)];
    const problem = 'names its loader wrongly';
    if (bytes < 2n || bytes > nameLimit || offset > Number.MAX_SAFE_INTEGER) return { problem };
    const name = readAt(Number(offset), Number(bytes));
    if (name.length < bytes || name.at(-1) !== 0) return { problem };
    return { name: name.toString('utf8').replace(/\0.*$/s, '') };
  }
  return undefined;
}

/** The table of program headers; undefined where the kernel would not take it. */
function entriesOf(head: Buffer, readAt: ReadAt): Buffer | undefined {
  const [view, little] = [viewOf(head), isLittleEndian(head)];
  const [at, size, count] = [
    view.getBigUint64(32, little),
    view.getUint16(54, little),
    view.getUint16(56, little),
  ];
  const bytes = count * entrySize;
  if (size !== entrySize || bytes === 0 || bytes > tableLimit || at > Number.MAX_SAFE_INTEGER)
    return undefined;
  const entries = readAt(Number(at), bytes);
  return entries.length === bytes ? entries : undefined;
}

/** A file that ends within the header is read as far as it goes, and its headers are broken. */
const viewOf = (bytes: Buffer): DataView => {
  const room = new Uint8Array(Math.max(bytes.length, headerSize));
  room.set(bytes);
  return new DataView(room.buffer);
};
const is64Bit = (head: Buffer): boolean => head[4] === 2;
const isLittleEndian = (head: Buffer): boolean => head[5] === 1;
