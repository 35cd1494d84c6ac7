import type { Finding } from '../../src/findings/index.ts';
import type { CheckReport } from '../../src/report/index.ts';

export const digestOf = (digit: string): string => `sha256:${digit.repeat(64)}`;

/** All that a terminal would obey, hide or reorder, and all that a format would trip over. */
export const hostileText = [
  ...['\u001b[31mred\u001b[0m', '\u001b]0;title\u0007', '\u009b2J', '\0', '\b\r\n\t\v\f', '\u007f', '\u0085'],
  ...['\u202etxt.exe', '\u2066\u2069', '\u200b\u200d\u200e', '\ufeff', '\u00ad', '\u2028\u2029', '\ue000'],
  ...[
    '\u{e0041}',
    '\ud800',
    'x\udc00',
    '\ufffe\uffff',
    '\u00a0',
    '\u3164',
    '\u2800',
    '<a b="c">&amp;\']]>-->',
  ],
  ...['{"x":1}', '%2e%2e/', '\\u{1b}', '$(id)`id`', '\u{1f600}\u6a21'],
].join('|');

export const soundReport: CheckReport = {
  tool: { name: 'verify-models', version: '0.1.0' },
  store: '/srv/ollama/models',
  startedAt: new Date('2026-09-01T12:00:00.000Z'),
  durationMs: 1500,
  partial: false,
  trustChecked: false,
  allowList: null,
  exitCode: 0,
  summary: {
    ...{ models: 1, blobs: 2, bytes: 2_000_000_561, hashedBytes: 2_000_000_561 },
    ...{ ok: 1, altered: 0, untrusted: 0, missing: 0, unchecked: 0, orphans: 0, partials: 0 },
  },
  models: [
    {
      name: 'registry.ollama.ai/library/llama3.2:1b',
      shortName: 'llama3.2:1b',
      manifestDigest: digestOf('1'),
      status: 'ok',
      bytes: 2_000_001_566,
    },
  ],
  blobs: [
    { digest: digestOf('a'), bytes: 2_000_000_000, proof: 'whole' },
    { digest: digestOf('c'), bytes: 561, proof: 'whole' },
  ],
  findings: [],
  unlisted: [],
};

export const findings: readonly Finding[] = [
  {
    rule: 'blob-altered',
    severity: 'error',
    bit: 1,
    model: 'registry.ollama.ai/library/sample:latest',
    layer: 'system',
    digest: digestOf('b'),
    path: `blobs/sha256-${'b'.repeat(64)}`,
    expected: digestOf('b'),
    actual: digestOf('d'),
    message: 'the system of sample:latest is altered',
    hint: 'rm /srv/ollama/models/blobs/x && ollama pull sample:latest',
  },
  {
    rule: 'blob-link-outside',
    severity: 'error',
    bit: 4,
    path: 'blobs/y',
    message: 'blobs/y is a link to /elsewhere',
  },
  {
    rule: 'blob-hard-link',
    severity: 'warning',
    bit: 0,
    path: 'blobs/z',
    actual: '2 names',
    message: 'blobs/z has 2 names',
  },
  { rule: 'blob-orphan', severity: 'info', bit: 0, path: 'blobs/o', message: 'no manifest names blobs/o' },
];

/** Five models, one of each status, an accepted list, and findings of every severity. */
export const mixedReport: CheckReport = {
  ...soundReport,
  partial: true,
  trustChecked: true,
  allowList: {
    listId: 'prod',
    version: 7,
    digest: digestOf('7'),
    expires: '2027-01-31T00:00:00.000Z',
    signers: ['alice', 'bob'],
  },
  exitCode: 15,
  summary: {
    ...{ models: 5, blobs: 3, bytes: 1_000, hashedBytes: 700 },
    ...{ ok: 1, altered: 1, untrusted: 1, missing: 1, unchecked: 1, orphans: 3, partials: 2 },
  },
  models: (['ok', 'altered', 'untrusted', 'missing', 'unchecked'] as const).map((status, at) => ({
    name: `registry.ollama.ai/library/${status === 'altered' ? 'sample' : status}:latest`,
    shortName: `${status === 'altered' ? 'sample' : status}:latest`,
    manifestDigest: status === 'unchecked' ? null : digestOf(`${at}`),
    status,
    bytes: 1000 * at,
  })),
  blobs: (['whole', 'pieces', 'seal', 'size', 'none'] as const).map((proof, at) => ({
    digest: digestOf(`${at}`),
    bytes: at,
    proof,
  })),
  findings,
  unlisted: [{ rule: 'blob-orphan', more: 41 }],
};

/** Hostile text wherever text from outside can be. */
export const hostileReport: CheckReport = {
  ...mixedReport,
  store: `/srv/${hostileText}`,
  allowList: {
    ...(mixedReport.allowList ?? { version: 1, digest: digestOf('7') }),
    listId: hostileText,
    expires: '2027-01-31T00:00:00.000Z',
    signers: [hostileText],
  },
  models: [
    {
      name: `h/n/${hostileText}:t`,
      shortName: `${hostileText}:t`,
      manifestDigest: null,
      status: 'altered',
      bytes: 1,
    },
  ],
  findings: [
    {
      rule: 'blob-altered',
      severity: 'error',
      bit: 1,
      model: `h/n/${hostileText}:t`,
      layer: hostileText,
      path: `blobs/${hostileText}`,
      expected: hostileText,
      actual: hostileText,
      message: hostileText,
      hint: hostileText,
    },
    { rule: 'blob-foreign', severity: 'warning', bit: 0, path: hostileText, message: hostileText },
  ],
};

export const textOf = (parts: Iterable<string>): string => [...parts].join('');
