import type { Digest } from '../oci/index.ts';

export type GgufScalar = number | bigint | boolean | string;

/** A list is known by what it holds, not kept: a vocabulary has 150,000 entries. */
export interface GgufArray {
  readonly kind: 'array';
  readonly elementType: GgufType;
  readonly count: number;
  /** Of the elements' bytes as they are stored. */
  readonly digest: Digest;
  /** To be shown: a long string is cut, and an array stands as its count and type. */
  readonly first: readonly GgufScalar[];
}

/** A string that is too long to be kept. */
export interface GgufLongText {
  readonly kind: 'long text';
  readonly bytes: number;
  readonly digest: Digest;
  readonly first: string;
}

/** An integer is a bigint only where a number would not hold it. */
export type GgufValue = GgufScalar | GgufArray | GgufLongText;

const exact = (value: bigint): number | bigint => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
};

/** The shortest decimal that is this 32-bit float: 0.00001, not 0.000009999999747378752. */
function float32(value: number): number {
  for (let digits = 6; digits <= 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Object.is(Math.fround(short), value)) return short;
  }
  return value;
}

/**
 * In the order of the numbers that stand for them in the file. The size is in bytes, for strings and arrays that of
 * the shortest one.
 */
export const shapes = {
  uint8: { size: 1, decode: (bytes) => bytes.readUInt8() },
  int8: { size: 1, decode: (bytes) => bytes.readInt8() },
  uint16: { size: 2, decode: (bytes) => bytes.readUInt16LE() },
  int16: { size: 2, decode: (bytes) => bytes.readInt16LE() },
  uint32: { size: 4, decode: (bytes) => bytes.readUInt32LE() },
  int32: { size: 4, decode: (bytes) => bytes.readInt32LE() },
  float32: { size: 4, decode: (bytes) => float32(bytes.readFloatLE()) },
  bool: { size: 1, decode: (bytes) => bytes.readUInt8() === 1 },
  string: { size: 8 },
  array: { size: 12 },
  uint64: { size: 8, decode: (bytes) => exact(bytes.readBigUInt64LE()) },
  int64: { size: 8, decode: (bytes) => exact(bytes.readBigInt64LE()) },
  float64: { size: 8, decode: (bytes) => bytes.readDoubleLE() },
} as const satisfies Record<string, { size: number; decode?: (bytes: Buffer) => number | bigint | boolean }>;

export type GgufType = keyof typeof shapes;

/** Types whose values all have one length. */
export type FixedType = Exclude<GgufType, 'string' | 'array'>;

const types = Object.keys(shapes) as GgufType[];

export const typeOfNumber = (number: number): GgufType | undefined => types[number];
