/**
 * A file name as the disk holds it: one character a byte (latin1), so that a name which is not valid UTF-8 can be
 * opened again and no two names become one.
 */
export type RawName = string;

export const rawToBytes = (raw: RawName): Buffer => Buffer.from(raw, 'latin1');

export const textToRaw = (text: string): RawName => Buffer.from(text, 'utf8').toString('latin1');

/** The name as text; where it is not UTF-8, the bytes beyond ASCII are written `\xNN`. Control characters stay raw. */
export function rawToText(raw: RawName): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(rawToBytes(raw));
  } catch {
    return raw.replace(/[\x80-\xff]/g, (c) => `\\x${c.charCodeAt(0).toString(16)}`);
  }
}
