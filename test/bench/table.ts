/** One line of the result: what was measured, for us and for the peers; undefined where there is nothing to say. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly ours: number | undefined;
  readonly openssl?: number | undefined;
  readonly sha256sum?: number | undefined;
  /** Which part of the processors other work took while ours ran, 0 to 1. */
  readonly otherWork?: number | undefined;
  /** For the ratio to openssl, or for our own value where `of` says so. */
  readonly target?: { readonly bound: '>=' | '<='; readonly value: number; readonly of: 'ratio' | 'ours' };
}

const nothing = '-';
const head = [
  'what',
  'verify-models',
  'openssl',
  'ratio',
  'target',
  'met',
  'sha256sum',
  'ratio',
  'other work',
];

/** A Markdown table. */
export function markdownTable(rows: readonly Row[]): string {
  const lines = [head, head.map(() => '---'), ...rows.map(cells)];
  return `${lines.map((line) => `| ${line.join(' | ')} |`).join('\n')}\n`;
}

function cells({ what, unit, ours, openssl, sha256sum, otherWork, target }: Row): string[] {
  const ratio = divide(ours, openssl);
  const judged = target?.of === 'ratio' ? ratio : ours;
  return [
    what,
    shown(ours, unit),
    shown(openssl, unit),
    shown(ratio),
    target === undefined ? nothing : wanted(target, unit),
    target === undefined ? nothing : met(judged, target),
    shown(sha256sum, unit),
    shown(divide(ours, sha256sum)),
    otherWork === undefined ? nothing : `${(otherWork * 100).toFixed(0)} %`,
  ];
}

const divide = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a / b;

function shown(value: number | undefined, unit = ''): string {
  if (value === undefined) return nothing;
  const digits = value >= 20 ? value.toFixed(0) : value.toFixed(2);
  return unit === '' ? digits : `${digits} ${unit}`;
}

type Target = NonNullable<Row['target']>;

const wanted = ({ bound, value, of }: Target, unit: string): string =>
  `${of === 'ours' ? shown(value, unit) : `${value.toFixed(2)} x openssl`} or ${bound === '>=' ? 'more' : 'less'}`;

function met(value: number | undefined, { bound, value: limit }: Target): string {
  if (value === undefined) return nothing;
  return (bound === '>=' ? value >= limit : value <= limit) ? 'yes' : 'no';
}
