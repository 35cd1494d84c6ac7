/** What Linux reads of a file to learn how it is run (BINPRM_BUF_SIZE, execve(2)); a `#!` line ends there too. */
export const headBytes = 256;

const [newline, nul] = [0x0a, 0];
const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09;
const endsWord = (byte: number | undefined): boolean => isBlank(byte) || byte === nul;

/**
 * The interpreter that a `#!` line names, as the kernel takes it (fs/binfmt_script.c), or why it takes none. A carriage
 * return before the line's end belongs to the name, and a name that reaches the limit counts as cut off.
 *
 * @param head the first bytes of the file, `#!` included
 */
export function interpreterOf(head: Uint8Array): { readonly name: string } | { readonly problem: string } {
  const room = Buffer.alloc(headBytes);
  room.set(head.subarray(0, headBytes));
  const last = headBytes - 1;
  let end = room.indexOf(newline);
  if (end === -1) {
    const start = notBlank(room, last);
    if (start > last || !room.subarray(start, headBytes).some(endsWord)) {
      return { problem: `has a #! line of more than ${headBytes} bytes` };
    }
    end = last;
  }
  const start = notBlank(room, end);
  let stop = start;
  while (stop < end && !endsWord(room[stop])) stop += 1;
  if (start >= end || stop === start) return { problem: 'names no interpreter after #!' };
  return { name: room.toString('utf8', start, stop) };
}

/** The first place after `#!` that holds no blank. */
function notBlank(room: Uint8Array, end: number): number {
  let at = 2;
  while (at <= end && isBlank(room[at])) at += 1;
  return at;
}
