const byteUnits: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
};

/** Bytes from `250M`, `1.5GB`, `64MiB`, `1000`; a rate may end in `/s`. Undefined when it is none, or zero. */
export function parseBytes(text: string): number | undefined {
  const match = /^([0-9]{1,15}(?:\.[0-9]{1,6})?) ?(?:([kmgt]i?)?b?)(?:\/s)?$/i.exec(text.trim());
  if (match === null) return undefined;
  const bytes = Math.round(Number(match[1]) * (byteUnits[(match[2] ?? '').toLowerCase()] ?? Number.NaN));
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

const timeUnits: Readonly<Record<string, number>> = {
  '': 1000,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds from `90`, `90s`, `10m`, `2h`, `1d`. Undefined when it is none, zero, or more than 24 days. */
export function parseDuration(text: string): number | undefined {
  const match = /^([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([smhd]?)$/.exec(text.trim());
  if (match === null) return undefined;
  const ms = Math.round(Number(match[1]) * (timeUnits[match[2] ?? ''] ?? Number.NaN));
  // Timers hold 31 bits of milliseconds.
  return ms > 0 && ms < 2 ** 31 ? ms : undefined;
}

/** `1/7` as part 1 of 7. Undefined when it is none, or the part is not within 1 and 1,000,000 parts. */
export function parseSubset(text: string): { part: number; of: number } | undefined {
  const match = /^([0-9]{1,7})\/([0-9]{1,7})$/.exec(text.trim());
  if (match === null) return undefined;
  const [part, of] = [Number(match[1]), Number(match[2])];
  return part >= 1 && part <= of && of <= 1_000_000 ? { part, of } : undefined;
}

/** Threads: a whole number from 0 to 256. */
export const parseThreads = (text: string): number | undefined =>
  /^[0-9]{1,3}$/.test(text) && Number(text) <= 256 ? Number(text) : undefined;

/** Jobs: a whole number from 1 to 256. */
export const parseJobs = (text: string): number | undefined => parseThreads(text) || undefined;

/** Connections: a whole number from 1 to 4096. */
export const parseConnections = (text: string): number | undefined =>
  /^[0-9]{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= 4096 ? Number(text) : undefined;
