/** One line about the mirror: ours, and each peer that is installed. */
export interface MirrorRow {
  readonly what: string;
  readonly unit: string;
  readonly ours: number | undefined;
  readonly peers: Readonly<Record<string, number | undefined>>;
  /** In words: several peers, several bounds. */
  readonly target: string;
  readonly met: boolean | undefined;
}

const shown = (value: number | undefined, unit: string): string =>
  value === undefined ? '-' : `${value >= 100 ? value.toFixed(0) : value.toFixed(2)} ${unit}`;

/** A Markdown table: each peer with its value and our ratio to it. */
export function mirrorTable(rows: readonly MirrorRow[]): string {
  const head = ['what', 'model-mirror', 'peers (ratio)', 'target', 'met'];
  const lines = rows.map(({ what, unit, ours, peers, target, met }) => [
    what,
    shown(ours, unit),
    Object.entries(peers)
      .flatMap(([name, value]) =>
        value === undefined || ours === undefined
          ? []
          : [`${name} ${shown(value, unit)} (${(ours / value).toFixed(2)})`],
      )
      .join(', ') || '-',
    target,
    met === undefined ? '-' : met ? 'yes' : 'no',
  ]);
  return `${[head, head.map(() => '---'), ...lines].map((line) => `| ${line.join(' | ')} |`).join('\n')}\n`;
}
