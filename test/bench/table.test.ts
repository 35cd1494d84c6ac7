import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markdownTable, type Row } from './table.ts';

const faster: Row['target'] = { bound: '>=', value: 1.8, of: 'ratio' };

test('a row shows values, ratios, the target and whether it is met', () => {
  const rows: Row[] = [
    {
      what: 'speed',
      unit: 'GiB/s',
      ours: 2.4,
      openssl: 1.2,
      sha256sum: 0.24,
      otherWork: 0.034,
      target: faster,
    },
    { what: 'slow', unit: 'GiB/s', ours: 2.1, openssl: 1.2, target: faster },
    {
      what: 'time',
      unit: 's',
      ours: 1.1,
      openssl: 1,
      sha256sum: 4,
      target: { bound: '<=', value: 1.1, of: 'ratio' },
    },
    { what: 'memory', unit: 'MiB', ours: 160.6, target: { bound: '<=', value: 160, of: 'ours' } },
  ];
  assert.equal(
    markdownTable(rows),
    `| what | verify-models | openssl | ratio | target | met | sha256sum | ratio | other work |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| speed | 2.40 GiB/s | 1.20 GiB/s | 2.00 | 1.80 x openssl or more | yes | 0.24 GiB/s | 10.00 | 3 % |
| slow | 2.10 GiB/s | 1.20 GiB/s | 1.75 | 1.80 x openssl or more | no | - | - | - |
| time | 1.10 s | 1.00 s | 1.10 | 1.10 x openssl or less | yes | 4.00 s | 0.28 | - |
| memory | 161 MiB | - | - | 160 MiB or less | no | - | - | - |
`,
  );
});

test('what could not be measured is neither met nor missed', () => {
  const rows: Row[] = [{ what: 'speed', unit: 'GiB/s', ours: 2.4, openssl: undefined, target: faster }];
  assert.equal(
    markdownTable(rows).split('\n')[2],
    '| speed | 2.40 GiB/s | - | - | 1.80 x openssl or more | - | - | - | - |',
  );
});
