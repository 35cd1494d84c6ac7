import { pino } from 'pino';
import { withoutCredentials } from '../errors/index.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Facts of one line; texts from outside are made printable on the way. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Longest text of a field, and of one that is looked at: a secret is taken out before its end is cut off. */
const fieldLimit = 500;
const textLimit = 5000;

/** Characters that would move a cursor, hide text or forge a line in whatever shows the log. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

/** Values of a query that are as good as a password, wherever an address is written. */
const secretQuery = /([?&](?:signature|sig|token|nonce|x-amz-[a-z-]+|__sign)=)[^&\s]*/gi;

const bearer = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]+/g;

/** A text that may stand in a log: printable, short, without secrets. */
export const loggable = (text: string): string =>
  withoutCredentials(text.slice(0, textLimit))
    .replace(secretQuery, '$1…')
    .replace(bearer, '$1 …')
    .slice(0, fieldLimit)
    .replace(unprintable, '�');

/** JSON lines: time, level, message and fields, one object a line. */
export function createLogger(write: (line: string) => void, level: LogLevel, now: () => Date): Logger {
  const log = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${now().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
    },
    { write },
  );
  const at =
    (name: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (!log.isLevelEnabled(name)) return;
      const clean = Object.entries(fields).flatMap(([key, value]) =>
        value === undefined ? [] : [[key, typeof value === 'string' ? loggable(value) : value]],
      );
      log[name](Object.fromEntries(clean), loggable(message));
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
