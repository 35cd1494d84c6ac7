import * as z from 'zod/mini';
import { holdsCredentials } from '../errors/index.ts';

/** A text or number that a parser understands. */
export const read = <T>(parse: (text: string) => T | undefined, wanted: string) =>
  z.pipe(
    z.union([z.string(), z.number()]),
    z.transform((value, context) => {
      const parsed = parse(String(value));
      if (parsed !== undefined) return parsed;
      context.issues.push({ code: 'custom', input: value, message: whyNot(String(value), wanted) });
      return z.NEVER;
    }),
  );

/** Container tools refuse credentials in the address of a registry too: they would stand in process lists and logs. */
const whyNot = (text: string, wanted: string): string =>
  text.includes('//') && holdsCredentials(text)
    ? 'holds a user name or a password, which are not taken in an address'
    : `is not ${wanted}`;

export const boolean = z.pipe(
  z.union([z.boolean(), z.string()]),
  z.transform((value, context) => {
    if (value === true || value === 'true' || value === '1' || value === 'yes') return true;
    if (value === false || value === 'false' || value === '0' || value === 'no' || value === '') return false;
    context.issues.push({ code: 'custom', input: value, message: 'is not true or false' });
    return z.NEVER;
  }),
);

/** An empty path would mean the working directory, and no path holds a NUL. */
export const isPath = (text: string): boolean => text !== '' && !text.includes('\0');

export const path = z.string().check(z.refine(isPath, { error: 'is not a path' }));

/** A list in YAML, repeated flags, or one text with the separator between its parts. */
const list = (separator: string) =>
  z.pipe(
    z.union([z.string(), z.array(z.string())]),
    z.transform((value) =>
      typeof value === 'string' ? value.split(separator).filter((part) => part !== '') : value,
    ),
  );

/** Several values, each of which a parser understands. */
export const each = <T>(parse: (text: string) => T | undefined, wanted: string, separator = ',') =>
  z.pipe(
    list(separator),
    z.transform((values, context) => {
      const parsed: T[] = [];
      for (const value of values) {
        const one = parse(value);
        if (one === undefined) {
          context.issues.push({ code: 'custom', input: value, message: whyNot(value, wanted) });
          return z.NEVER;
        }
        parsed.push(one);
      }
      return parsed;
    }),
  );
