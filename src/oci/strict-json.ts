/**
 * JSON as two parsers would read it alike, or not at all.
 *
 * Go's encoding/json matches keys without regard to case and lets the last one win; JavaScript does neither. A text
 * that the two could read differently is refused here, before any value is taken from it: duplicate keys, keys that
 * differ in case only (folded as Go folds, so U+017F is s and U+212A is k), known keys spelled in another case or
 * with escapes, numbers that are not exact integers where an integer belongs, lone surrogates, invalid UTF-8, a byte
 * order mark, and anything after the value. The scan keeps its own stack: depth costs no call stack, and it may count
 * values, so that what follows needs no more memory for them than the rules allow.
 */
export interface JsonProblem {
  /** `broken`: no JSON at all. `ambiguous`: some reader takes it, and another reads something else. */
  readonly kind: 'broken' | 'ambiguous';
  readonly detail: string;
}

export interface JsonRules {
  /** Deepest nesting accepted. */
  readonly maxDepth: number;
  /** Most values accepted in the whole text, containers and their members alike; absent means any number. */
  readonly maxValues?: number;
  /** Keys that mean something; each must be spelled exactly so. */
  readonly knownKeys: ReadonlySet<string>;
  /** Keys whose numbers must be written as plain integers within 2^53. */
  readonly integerKeys: ReadonlySet<string>;
}

export type StrictJson =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problems: readonly JsonProblem[] };

/** As Go folds a key for comparison, or coarser; never finer. Lower case first: only that brings U+1E9E to U+00DF. */
export const foldKey = (key: string): string =>
  ascii.test(key) ? key.toLowerCase() : key.toLowerCase().toUpperCase().toLowerCase();

const ascii = /^[\0-\x7f]*$/;

const problemLimit = 8;

/** Keys whose folded form is kept for the next time. */
const foldsKept = 1024;

const forms = {
  escaped: /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y,
  number: /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y,
  literal: /true|false|null/y,
} as const;

/** Reads one JSON value strictly; never throws, whatever the bytes are. */
export function readStrictJson(bytes: Uint8Array, rules: JsonRules): StrictJson {
  const one = (kind: JsonProblem['kind'], detail: string): StrictJson => ({
    ok: false,
    problems: [{ kind, detail }],
  });
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    return one('ambiguous', 'it starts with a byte order mark');
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return one('ambiguous', 'it is not valid UTF-8');
  }
  const scanner = new Scanner(text, rules);
  try {
    scanner.run();
  } catch (error) {
    if (!(error instanceof Unread)) throw error;
    return { ok: false, problems: [{ kind: error.kind, detail: error.message }, ...scanner.problems] };
  }
  if (scanner.problems.length > 0) return { ok: false, problems: scanner.problems };
  return { ok: true, value: JSON.parse(text) };
}

/** The scan ends here: nothing behind this place was looked at. */
class Unread extends Error {
  readonly kind: JsonProblem['kind'];

  constructor(kind: JsonProblem['kind'], detail: string) {
    super(detail);
    this.kind = kind;
  }
}

const broken = (detail: string): Unread => new Unread('broken', detail);

/** Other readers may go further than the limits of this one. */
const beyond = (detail: string): Unread => new Unread('ambiguous', detail);

interface Frame {
  readonly close: '}' | ']';
  /** Folded key -> key as spelled, for objects. */
  readonly keys: Map<string, string> | undefined;
  /** The key whose value is read now; arrays inherit it. */
  key: string;
  empty: boolean;
}

class Scanner {
  readonly problems: JsonProblem[] = [];
  readonly #text: string;
  readonly #rules: JsonRules;
  readonly #folded: ReadonlyMap<string, string>;
  readonly #stack: Frame[] = [];
  readonly #folds = new Map<string, string>();
  #at = 0;
  #values = 0;

  constructor(text: string, rules: JsonRules) {
    this.#text = text;
    this.#rules = rules;
    this.#folded = new Map([...rules.knownKeys].map((key) => [foldKey(key), key]));
  }

  run(): void {
    this.#value();
    while (this.#stack.length > 0) this.#nextInside();
    this.#space();
    if (this.#at < this.#text.length) {
      this.#note(`${this.#text.length - this.#at} characters follow the end of the JSON value`);
    }
  }

  /** One member or element of the innermost container, or its end. */
  #nextInside(): void {
    const frame = this.#stack.at(-1) as Frame;
    this.#space();
    if (this.#text[this.#at] === frame.close) {
      this.#at += 1;
      this.#stack.pop();
      return;
    }
    if (!frame.empty) this.#expect(',');
    frame.empty = false;
    if (frame.keys !== undefined) this.#member(frame, frame.keys);
    this.#value();
  }

  #member(frame: Frame, keys: Map<string, string>): void {
    this.#space();
    const raw = this.#string();
    frame.key = raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
    this.#judgeKey(frame.key, raw, keys);
    this.#space();
    this.#expect(':');
  }

  #judgeKey(key: string, raw: string, keys: Map<string, string>): void {
    const folded = this.#fold(key);
    const before = keys.get(folded);
    const known = this.#folded.get(folded);
    if (before === undefined) {
      keys.set(folded, key);
      if ((known === undefined || known === key) && raw === key) return;
    }
    const shown = JSON.stringify(key.slice(0, 40));
    if (before === key) this.#note(`the key ${shown} stands twice in one object`);
    else if (before !== undefined) {
      this.#note(`the keys ${JSON.stringify(before.slice(0, 40))} and ${shown} differ in case only`);
    } else if (known !== undefined && known !== key) this.#note(`the key ${shown} is not spelled "${known}"`);
    else if (known !== undefined && raw !== key) this.#note(`the key ${shown} is written with escapes`);
    else if (raw.includes('\\u') && !key.isWellFormed()) {
      this.#note(`the key ${shown} holds half of a surrogate pair`);
    }
  }

  /** Most keys of a long text are the same few. */
  #fold(key: string): string {
    const known = this.#folds.get(key);
    if (known !== undefined) return known;
    const folded = foldKey(key);
    if (this.#folds.size < foldsKept) this.#folds.set(key, folded);
    return folded;
  }

  #value(): void {
    this.#values += 1;
    const { maxValues } = this.#rules;
    if (maxValues !== undefined && this.#values > maxValues) {
      throw beyond(`it has more than ${maxValues} values`);
    }
    this.#space();
    const c = this.#text[this.#at];
    if (c === '{' || c === '[') this.#open(c);
    else if (c === '"') this.#stringValue();
    else if (c === '-' || (c !== undefined && c >= '0' && c <= '9')) this.#number();
    else this.#literal();
  }

  #open(bracket: '{' | '['): void {
    if (this.#stack.length >= this.#rules.maxDepth) {
      throw beyond(`it is nested deeper than ${this.#rules.maxDepth} levels`);
    }
    this.#at += 1;
    const object = bracket === '{';
    const key = object ? '' : (this.#stack.at(-1)?.key ?? '');
    this.#stack.push({ close: object ? '}' : ']', keys: object ? new Map() : undefined, key, empty: true });
  }

  #stringValue(): void {
    const raw = this.#string();
    if (raw.includes('\\u') && !(JSON.parse(`"${raw}"`) as string).isWellFormed()) {
      this.#note('a string holds half of a surrogate pair');
    }
  }

  /** The text between the quotes, validated (RFC 8259, section 7). */
  #string(): string {
    this.#expect('"');
    const text = this.#text;
    const start = this.#at;
    let at = start;
    for (;;) {
      const code = text.charCodeAt(at);
      if (Number.isNaN(code)) throw broken('it ends inside a string');
      if (code === 0x22) break;
      if (code < 0x20) throw broken('a string holds a control character');
      at += code === 0x5c ? this.#escapeLength(at) : 1;
    }
    this.#at = at + 1;
    return text.slice(start, at);
  }

  #escapeLength(at: number): number {
    const { escaped } = forms;
    escaped.lastIndex = at;
    if (!escaped.test(this.#text)) throw broken('a string holds an escape that JSON does not know');
    return escaped.lastIndex - at;
  }

  #number(): void {
    const { number } = forms;
    number.lastIndex = this.#at;
    const match = number.exec(this.#text);
    if (match === null) throw broken('a number is malformed');
    this.#at = number.lastIndex;
    const key = this.#stack.at(-1)?.key ?? '';
    if (!this.#rules.integerKeys.has(key)) return;
    const plain = match[1] === undefined && match[2] === undefined && match[0] !== '-0';
    const exact = plain && Number.isSafeInteger(Number(match[0]));
    if (!exact) this.#note(`"${key}" is not an exact integer below 2^53: ${match[0].slice(0, 40)}`);
  }

  #literal(): void {
    const { literal } = forms;
    literal.lastIndex = this.#at;
    if (!literal.test(this.#text)) {
      throw broken(
        this.#at >= this.#text.length ? 'it ends too early' : `it is not JSON at character ${this.#at}`,
      );
    }
    this.#at = literal.lastIndex;
  }

  #expect(char: string): void {
    if (this.#text[this.#at] !== char) {
      throw broken(
        this.#at >= this.#text.length ? 'it ends too early' : `it is not JSON at character ${this.#at}`,
      );
    }
    this.#at += 1;
  }

  /** Space, tab, line feed, carriage return (RFC 8259, section 2). */
  #space(): void {
    const text = this.#text;
    let at = this.#at;
    for (let code = text.charCodeAt(at); code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09; ) {
      at += 1;
      code = text.charCodeAt(at);
    }
    this.#at = at;
  }

  #note(detail: string): void {
    if (this.problems.length < problemLimit) this.problems.push({ kind: 'ambiguous', detail });
  }
}
