import { unprintable } from '../findings/index.ts';

/** Characters of one text that are shown; what is longer is cut and says by how much. */
const shownCharacters = 600;

const everyUnprintable = new RegExp(unprintable.source, 'gu');

/**
 * Text from outside made fit for a terminal or an XML document: control characters, escape sequences, bidi marks and
 * other invisible characters become `\u{...}`, overlong text is cut. Nothing printed by this product goes around it.
 */
export function printable(text: string, limit = shownCharacters): string {
  const cut = text.length > limit ? text.slice(0, limit) : text;
  const rest = text.length > limit ? ` ...(${text.length - limit} more characters)` : '';
  const whole = cut.toWellFormed();
  return `${whole.replace(everyUnprintable, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`)}${rest}`;
}

/** JSON that is safe to show: what JSON leaves raw and a terminal would obey is written `\uXXXX`. Same value when read. */
export function safeJson(value: unknown): string {
  return (JSON.stringify(value) ?? 'null').replace(everyUnprintable, (c) =>
    Array.from({ length: c.length }, (_, i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`).join(
      '',
    ),
  );
}
