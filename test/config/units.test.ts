import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseBytes, parseDuration, parseSubset } from '../../src/config/units.ts';

describe('bytes', () => {
  for (const [text, bytes] of [
    ['1', 1],
    ['1000', 1000],
    ['250M', 250_000_000],
    ['250MB', 250_000_000],
    ['250MB/s', 250_000_000],
    ['250 mb/s', 250_000_000],
    ['1.5G', 1_500_000_000],
    ['1k', 1000],
    ['1K', 1000],
    ['1KiB', 1024],
    ['64MiB', 67_108_864],
    ['64Mi', 67_108_864],
    ['2GiB/s', 2_147_483_648],
    ['1T', 1_000_000_000_000],
    ['1TiB', 1_099_511_627_776],
    ['7b', 7],
    ['0.5k', 500],
    [' 10 MB ', 10_000_000],
    ['9007T', 9_007_000_000_000_000],
  ] as const) {
    test(`${text} is ${bytes}`, () => assert.equal(parseBytes(text), bytes));
  }

  for (const text of [
    ...[
      '',
      ' ',
      '0',
      '0.0',
      '0.4',
      '0MB',
      '-1',
      '+1',
      '1e6',
      '1.',
      '.5',
      '1,5G',
      '1_000',
      'MB',
      'x',
      '1x',
      '1MBs',
    ],
    ...[
      '1MB/m',
      '1 M B',
      '1  MB',
      '1\u00a0MB',
      '10PB',
      '9008T',
      '1Kib/s/s',
      '1\n2',
      '0x10',
      'Infinity',
      'NaN',
    ],
    '9'.repeat(16),
    '9'.repeat(1_000_000),
  ]) {
    test(`${JSON.stringify(text.slice(0, 20))} is none`, () => assert.equal(parseBytes(text), undefined));
  }
});

describe('a duration', () => {
  for (const [text, ms] of [
    ['1', 1000],
    ['90', 90_000],
    ['90s', 90_000],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1.5h', 5_400_000],
    ['0.001', 1],
    [' 5 m ', 300_000],
    ['24d', 2_073_600_000],
    ['2147483.647', 2_147_483_647],
  ] as const) {
    test(`${text} is ${ms} ms`, () => assert.equal(parseDuration(text), ms));
  }

  for (const text of [
    ...[
      '',
      '0',
      '0s',
      '-1s',
      '1w',
      '1M',
      '1ms',
      '1h30m',
      '1:30',
      '10 minutes',
      '1e3',
      '.5h',
      '25d',
      '2147483.648',
    ],
    '9'.repeat(10),
    '9'.repeat(1_000_000),
  ]) {
    test(`${JSON.stringify(text.slice(0, 20))} is none`, () => assert.equal(parseDuration(text), undefined));
  }

  test('always fits a timer', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        fc.constantFrom('', 's', 'm', 'h', 'd'),
        (n, unit) => {
          const ms = parseDuration(`${n.toFixed(3)}${unit}`);
          assert.ok(ms === undefined || (Number.isInteger(ms) && ms > 0 && ms <= 2_147_483_647));
        },
      ),
    );
  });
});

describe('a part', () => {
  for (const [text, part, of] of [
    ['1/1', 1, 1],
    ['1/7', 1, 7],
    ['7/7', 7, 7],
    [' 2/3 ', 2, 3],
    ['1000000/1000000', 1_000_000, 1_000_000],
  ] as const) {
    test(`${text} is part ${part} of ${of}`, () => assert.deepEqual(parseSubset(text), { part, of }));
  }

  for (const text of [
    '',
    '0/7',
    '8/7',
    '1/0',
    '1',
    '/7',
    '1/',
    '1/7/7',
    '-1/7',
    '1.5/7',
    '1 / 7',
    '1/1000001',
    '1/٧',
  ]) {
    test(`${JSON.stringify(text)} is none`, () => assert.equal(parseSubset(text), undefined));
  }
});
