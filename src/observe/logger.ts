import { pino } from 'pino';
import { TokenBucket } from '../bounds/index.ts';
import { withoutCredentials } from '../errors/index.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Facts of one line; texts from outside are made printable on the way. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Says how many lines were left out since the last time; called now and then, and at the end. */
  flush(): void;
}

/** Lines with the same message: a burst, and then so many a minute. Each request of a stranger would write one. */
const lineLimits = { atOnce: 1000, aMinute: 120 } as const;

/** Messages that are counted each for itself; they stand in this program, and no stranger makes one. */
const messagesCounted = 100;

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

/**
 * JSON lines: time, level, message and fields, one object a line. Of lines with the same message, more than a bounded
 * number is counted instead: a stranger who sends a thousand requests a second must not fill the disk of the journal.
 */
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
  const kinds = new Map<string, Kind>();
  const kindOf = (name: LogLevel, message: string): Kind => {
    const key = kinds.size < messagesCounted || kinds.has(message) ? message : 'others';
    const kind = kinds.get(key) ?? { name, message: key, bucket: new TokenBucket(lineLimits, now), left: 0 };
    kinds.set(key, kind);
    return kind;
  };
  const tellLeft = (kind: Kind) => {
    if (kind.left === 0) return;
    log[kind.name]({ of: loggable(kind.message), lines: kind.left }, 'lines were left out: too many came');
    kind.left = 0;
  };
  const at =
    (name: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (!log.isLevelEnabled(name)) return;
      const kind = kindOf(name, message);
      if (!kind.bucket.take()) {
        kind.left += 1;
        return;
      }
      const clean = Object.entries(fields).flatMap(([key, value]) =>
        value === undefined ? [] : [[key, typeof value === 'string' ? loggable(value) : value]],
      );
      log[name](Object.fromEntries(clean), loggable(message));
    };
  return {
    ...{ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
    flush: () => kinds.forEach(tellLeft),
  };
}

/** Lines with one message. */
interface Kind {
  readonly name: LogLevel;
  readonly message: string;
  readonly bucket: TokenBucket;
  /** Lines that were left out and not told yet. */
  left: number;
}
