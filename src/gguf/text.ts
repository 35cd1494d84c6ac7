/** Text of a GGUF, whatever its bytes are. */
export interface DecodedText {
  readonly text: string;
  /** False: it is not UTF-8, and `text` holds escapes. */
  readonly wellFormed: boolean;
}

// ignoreBOM keeps a byte order mark in the text: without it two different strings could read alike.
const strict = { fatal: true, ignoreBOM: true } as const;
const decoder = new TextDecoder('utf-8', strict);

/** UTF-8 as it is; else what is readable stays, other bytes become `\xNN`, and a `\x` that was there `\x5cx`. */
export function decodeText(bytes: Uint8Array): DecodedText {
  try {
    return { text: decoder.decode(bytes), wellFormed: true };
  } catch {
    return { text: escaped(bytes), wellFormed: false };
  }
}

/** The beginning of a longer text; a character that was cut in two is left out. */
export function decodeBeginning(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', strict).decode(bytes, { stream: true });
  } catch {
    return escaped(bytes);
  }
}

/** Bytes become ASCII escapes, so that the whole is UTF-8 and can be decoded at once. */
function escaped(bytes: Uint8Array): string {
  const out = Buffer.alloc(bytes.length * 4);
  let end = 0;
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at] ?? 0;
    const length = byte === backslash && bytes[at + 1] === smallX ? 0 : characterLength(bytes, at);
    for (let copied = 0; copied < length; copied += 1) out[end++] = bytes[at + copied] ?? 0;
    if (length === 0) {
      out[end++] = backslash;
      out[end++] = smallX;
      out[end++] = hexDigits.charCodeAt(byte >> 4);
      out[end++] = hexDigits.charCodeAt(byte & 15);
    }
    at += Math.max(1, length);
  }
  return out.toString('utf8', 0, end);
}

const backslash = 0x5c;
const smallX = 0x78;
const hexDigits = '0123456789abcdef';

/** Bytes of the character that starts here, 0 if none does (Unicode, table 3-7: well-formed UTF-8). */
function characterLength(bytes: Uint8Array, at: number): 0 | 1 | 2 | 3 | 4 {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  if (lead < 0xe0) return lead >= 0xc2 && isTail(bytes[at + 1]) ? 2 : 0;
  if (lead < 0xf0) {
    const second = isTail(bytes[at + 1], lead === 0xe0 ? 0xa0 : 0x80, lead === 0xed ? 0x9f : 0xbf);
    return second && isTail(bytes[at + 2]) ? 3 : 0;
  }
  const second = isTail(bytes[at + 1], lead === 0xf0 ? 0x90 : 0x80, lead === 0xf4 ? 0x8f : 0xbf);
  return lead <= 0xf4 && second && isTail(bytes[at + 2]) && isTail(bytes[at + 3]) ? 4 : 0;
}

const isTail = (byte = 0, from = 0x80, to = 0xbf): boolean => byte >= from && byte <= to;
