import { BoundedReader, type ReadAt, Unreadable } from './bounded-reader.ts';
import { decodeBeginning, decodeText } from './text.ts';
import {
  type FixedType,
  type GgufArray,
  type GgufScalar,
  type GgufType,
  type GgufValue,
  shapes,
  typeOfNumber,
} from './values.ts';

export interface GgufMetadata {
  readonly version: number;
  readonly tensorCount: number;
  readonly keyCount: number;
  readonly values: ReadonlyMap<string, GgufValue>;
  /** As what each value is stored. A malformed string is not UTF-8; its value holds escapes, `\xNN`. */
  readonly types: ReadonlyMap<string, GgufType | 'malformed string'>;
}

export type GgufReading =
  | { readonly ok: true; readonly metadata: GgufMetadata }
  /** A sentence about the file, with words from the file in it: to be made printable. */
  | { readonly ok: false; readonly problem: string };

export interface GgufLimits {
  /** Of the file, from its first byte to the end of the metadata. */
  readonly bytes: number;
  readonly keys: number;
  readonly keyBytes: number;
  /** A string that is longer is known by its digest and its beginning, */
  readonly textBytes: number;
  /** and so is each one after the strings that make this up together. */
  readonly allTextBytes: number;
  readonly depth: number;
}

export const ggufLimits: GgufLimits = {
  bytes: 64 * 1024 * 1024,
  keys: 65_536,
  // The specification's own bound.
  keyBytes: 65_535,
  textBytes: 1024 * 1024,
  allTextBytes: 16 * 1024 * 1024,
  depth: 4,
};

/** Elements of an array that are kept to be shown, and bytes of each that is a string. */
const shownElements = 8;
const shownBytes = 256;

/** Of a length or a count, as it is stored. */
const lengthBytes = 8;

/**
 * Reads the header and the key-value pairs of a GGUF, version 2 or 3, little endian. Whatever the bytes are, it ends,
 * allocates nothing that a length in the file asks for before that was bounded, and throws only what `read` throws.
 */
export function readGgufMetadata(read: ReadAt, limits: Partial<GgufLimits> = {}): GgufReading {
  const parser = new Parser(read, { ...ggufLimits, ...limits });
  try {
    return { ok: true, metadata: parser.run() };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { ok: false, problem: `${error.message}${parser.where()}` };
  }
}

interface Text {
  readonly value: GgufValue;
  readonly wellFormed: boolean;
}

const quoted = (key: string): string => JSON.stringify(key.length > 80 ? `${key.slice(0, 80)}...` : key);

class Parser {
  readonly #bytes: BoundedReader;
  readonly #limits: GgufLimits;
  /** Bytes of text that may still be kept. */
  #textRoom: number;
  /** Where the reading is, for the sentence about a problem. */
  where: () => string = () => '';

  constructor(read: ReadAt, limits: GgufLimits) {
    this.#bytes = new BoundedReader(read, limits.bytes);
    this.#limits = limits;
    this.#textRoom = limits.allTextBytes;
  }

  run(): GgufMetadata {
    const version = this.#version();
    const tensorCount = this.#count('it says it has', 'tensors', Number.MAX_SAFE_INTEGER);
    const keyCount = this.#count('it says it has', 'keys', this.#limits.keys);
    const values = new Map<string, GgufValue>();
    const types = new Map<string, GgufType | 'malformed string'>();
    for (let number = 1; number <= keyCount; number += 1) {
      this.where = () => `, in key ${number} of ${keyCount}`;
      const key = this.#key();
      if (values.has(key)) throw new Unreadable(`the key ${quoted(key)} stands twice`);
      this.where = () => `, in the value of ${quoted(key)}`;
      const type = this.#type();
      const { value, wellFormed } = this.#value(type);
      values.set(key, value);
      types.set(key, wellFormed ? type : 'malformed string');
    }
    return { version, tensorCount, keyCount, values, types };
  }

  #version(): number {
    const magic = this.#bytes.take(4).toString('latin1');
    const big = 'it is a big-endian GGUF, which is not supported';
    if (magic === 'FUGG') throw new Unreadable(big);
    if (magic !== 'GGUF') throw new Unreadable('it is no GGUF: it does not start with these four letters');
    const version = this.#u32();
    if (version !== 0 && version % 65_536 === 0) throw new Unreadable(big);
    if (version !== 2 && version !== 3) {
      throw new Unreadable(`it is a GGUF of version ${version}; versions 2 and 3 are supported`);
    }
    return version;
  }

  #key(): string {
    const length = this.#count('a key says it has', 'bytes', this.#limits.keyBytes);
    const { text, wellFormed } = decodeText(this.#bytes.take(length));
    if (!wellFormed) throw new Unreadable(`the key ${quoted(text)} is not UTF-8`);
    return text;
  }

  #type(): GgufType {
    const number = this.#u32();
    const type = typeOfNumber(number);
    if (type === undefined) throw new Unreadable(`its type ${number} is not one of the specification`);
    return type;
  }

  #value(type: GgufType): Text {
    if (type === 'string') return this.#text();
    if (type === 'array') return { value: this.#array(), wellFormed: true };
    return { value: this.#fixed(type), wellFormed: true };
  }

  #fixed(type: FixedType): GgufScalar {
    const { size, decode } = shapes[type];
    const bytes = this.#bytes.take(size);
    if (type === 'bool') checkBools(bytes);
    return decode(bytes);
  }

  #text(): Text {
    const bytes = this.#textLength();
    if (bytes <= Math.min(this.#limits.textBytes, this.#textRoom)) {
      this.#textRoom -= bytes;
      const { text, wellFormed } = decodeText(this.#bytes.take(bytes));
      return { value: text, wellFormed };
    }
    this.#bytes.openDigest();
    const first = this.#beginning(bytes);
    return {
      value: { kind: 'long text', bytes, digest: this.#bytes.closeDigest(), first },
      wellFormed: true,
    };
  }

  /** Passes over a string; what it begins with. */
  #beginning(bytes: number): string {
    if (bytes <= shownBytes) return decodeText(this.#bytes.take(bytes)).text;
    const first = decodeBeginning(this.#bytes.take(shownBytes));
    this.#bytes.skip(bytes - shownBytes);
    return first;
  }

  #array(): GgufArray {
    const { elementType, count } = this.#arrayHead(1);
    this.#bytes.openDigest();
    const first: GgufScalar[] = [];
    while (first.length < Math.min(count, shownElements)) first.push(this.#shownElement(elementType));
    this.#skip(elementType, count - first.length, 1);
    return { kind: 'array', elementType, count, digest: this.#bytes.closeDigest(), first };
  }

  #shownElement(type: GgufType): GgufScalar {
    if (type === 'array') {
      const { elementType, count } = this.#arrayHead(2);
      this.#skip(elementType, count, 2);
      return `[${count} x ${elementType}]`;
    }
    if (type !== 'string') return this.#fixed(type);
    const bytes = this.#textLength();
    return `${this.#beginning(bytes)}${bytes > shownBytes ? '...' : ''}`;
  }

  #arrayHead(depth: number): { elementType: GgufType; count: number } {
    const { depth: deepest } = this.#limits;
    if (depth > deepest) throw new Unreadable(`arrays are nested deeper than ${deepest}`);
    const elementType = this.#type();
    const count = this.#count('an array says it has', 'elements', Number.MAX_SAFE_INTEGER);
    if (count > this.#bytes.room / shapes[elementType].size) {
      throw new Unreadable(
        `an array says it has ${count} elements: more than the ${this.#limits.bytes} bytes that are read`,
      );
    }
    return { elementType, count };
  }

  /** Elements that nobody is shown; the digest sees them. */
  #skip(type: GgufType, count: number, depth: number): void {
    if (type !== 'string' && type !== 'array') {
      this.#bytes.skip(count * shapes[type].size, type === 'bool' ? checkBools : undefined);
      return;
    }
    for (let at = 0; at < count; at += 1) {
      if (type === 'string') {
        this.#bytes.skip(this.#textLength());
      } else {
        const inner = this.#arrayHead(depth + 1);
        this.#skip(inner.elementType, inner.count, depth + 1);
      }
    }
  }

  #textLength(): number {
    return this.#count('a string says it has', 'bytes', this.#bytes.room - lengthBytes);
  }

  #u32(): number {
    return this.#bytes.take(4).readUInt32LE();
  }

  /** A length or a count, refused if it is more than `most`. */
  #count(says: string, what: string, most: number): number {
    const bytes = this.#bytes.take(lengthBytes);
    const value = bytes.readUInt32LE(4) * 2 ** 32 + bytes.readUInt32LE();
    if (value <= most) return value;
    throw new Unreadable(`${says} ${bytes.readBigUInt64LE()} ${what}; at most ${most} are read`);
  }
}

function checkBools(bytes: Buffer): void {
  for (const byte of bytes) if (byte > 1) throw new Unreadable(`a boolean is ${byte}, neither 0 nor 1`);
}
