import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type Finding,
  FindingsLog,
  listedPerRule,
  type RuleId,
  ruleIds,
  rules,
} from '../../src/findings/index.ts';

const missing = (n: number) => ({ rule: 'blob-missing', message: `blob ${n}`, path: `blobs/${n}` }) as const;

describe('a log of findings', () => {
  test('adds severity and bit from the rule, and leaves out what is undefined', () => {
    const log = new FindingsLog();
    const bit = log.add({
      rule: 'blob-missing',
      message: 'it is gone',
      model: 'm',
      layer: undefined,
      path: undefined,
      hint: 'ollama pull m',
    });
    assert.equal(bit, 8);
    assert.deepEqual(log.sorted(), [
      {
        rule: 'blob-missing',
        severity: 'error',
        bit: 8,
        message: 'it is gone',
        model: 'm',
        hint: 'ollama pull m',
      },
    ]);
  });

  test('without findings has the exit status 0', () => {
    const log = new FindingsLog();
    assert.equal(log.bits, 0);
    assert.deepEqual(log.sorted(), []);
    assert.deepEqual(log.unlisted(), []);
  });

  test('sums up bits, each once', () => {
    const log = new FindingsLog();
    for (const rule of ['blob-altered', 'manifest-broken', 'blob-missing', 'blob-orphan'] as const) {
      log.add({ rule, message: 'x' });
    }
    assert.equal(log.bits, 1 | 8);
    log.add({ rule: 'model-not-listed', message: 'x' });
    log.add({ rule: 'blob-changed', message: 'x' });
    assert.equal(log.bits, 15);
  });

  test('adds nothing for warnings and information, unless they are to fail', () => {
    const quiet = new FindingsLog();
    assert.equal(quiet.add({ rule: 'blob-orphan', message: 'x' }), 0);
    assert.equal(quiet.bits, 0);
    const strict = new FindingsLog(new Set<RuleId>(['blob-orphan', 'model-absent']));
    assert.equal(strict.add({ rule: 'blob-orphan', message: 'x' }), 1);
    assert.equal(strict.add({ rule: 'model-absent', message: 'x' }), 8);
    assert.equal(strict.add({ rule: 'blob-partial', message: 'x' }), 0);
    assert.equal(strict.bits, 9);
    assert.deepEqual(
      strict.sorted().map(({ rule, severity, bit }) => [rule, severity, bit]),
      [
        ['blob-orphan', 'error', 1],
        ['model-absent', 'error', 8],
        ['blob-partial', 'info', 0],
      ],
    );
  });

  test('tells of each listed finding at once', () => {
    const told: Finding[] = [];
    const log = new FindingsLog(new Set(), (finding) => told.push(finding));
    log.add(missing(1));
    assert.deepEqual(told, [{ ...missing(1), severity: 'error', bit: 8 }]);
  });
});

describe('a log of very many findings', () => {
  test('lists a thousand of a rule, counts the rest and keeps the bits of all', () => {
    let told = 0;
    const log = new FindingsLog(new Set(), () => {
      told += 1;
    });
    for (let n = 0; n < 1005; n += 1) log.add(missing(n));
    assert.equal(listedPerRule, 1000);
    assert.equal(log.sorted().length, 1000);
    assert.equal(told, 1000);
    assert.equal(log.count('blob-missing'), 1005);
    assert.deepEqual(log.unlisted(), [{ rule: 'blob-missing', more: 5 }]);
  });

  test('gives the bit of a finding that is not listed any more', () => {
    const log = new FindingsLog(new Set<RuleId>(['blob-orphan']));
    for (let n = 0; n < 1000; n += 1) log.add({ rule: 'blob-orphan', message: `${n}` });
    assert.equal(log.add({ rule: 'blob-orphan', message: 'one more' }), 1);
  });

  test('lists a thousand of every other rule all the same', () => {
    const log = new FindingsLog();
    for (let n = 0; n < 1001; n += 1) log.add(missing(n));
    log.add({ rule: 'blob-altered', message: 'x' });
    assert.equal(log.sorted().length, 1001);
    assert.equal(log.bits, 9);
  });

  test('takes a million findings and keeps a thousand', () => {
    const log = new FindingsLog();
    const fact = { rule: 'blob-orphan', message: 'x' } as const;
    for (let n = 0; n < 1_000_000; n += 1) log.add(fact);
    assert.equal(log.sorted().length, 1000);
    assert.deepEqual(log.unlisted(), [{ rule: 'blob-orphan', more: 999_000 }]);
  });

  test('counts findings that nobody kept, with their bit', () => {
    const log = new FindingsLog();
    log.add({ rule: 'blob-altered', message: 'x' });
    log.addUnlisted('blob-missing', 7);
    log.addUnlisted('blob-changed', 0);
    assert.equal(log.bits, 1 | 8);
    assert.equal(log.count('blob-missing'), 7);
    assert.deepEqual(log.unlisted(), [{ rule: 'blob-missing', more: 7 }]);
    log.addUnlisted('blob-missing', 3);
    assert.deepEqual(log.unlisted(), [{ rule: 'blob-missing', more: 10 }]);
  });

  test('counts what nobody kept as failing where it is to fail', () => {
    const log = new FindingsLog(new Set<RuleId>(['blob-hard-link']));
    log.addUnlisted('blob-hard-link', 1);
    assert.equal(log.bits, 1);
    log.addUnlisted('blob-orphan', 1);
    assert.equal(log.bits, 1);
  });
});

describe('the order of a log', () => {
  const fact = fc.record({
    rule: fc.constantFrom<RuleId>('blob-altered', 'blob-missing', 'blob-link', 'blob-orphan'),
    message: fc.constantFrom('a', 'b', '\u001b'),
    path: fc.constantFrom(undefined, 'blobs/x', 'blobs/y'),
    model: fc.constantFrom(undefined, 'm', 'n'),
  });

  test('does not depend on the order in which the findings came', () => {
    const facts = fc.uniqueArray(fact, { selector: (f) => JSON.stringify(f) });
    const shuffled = facts.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
    );
    fc.assert(
      fc.property(shuffled, ([one, two]) => {
        const [a, b] = [new FindingsLog(), new FindingsLog()];
        for (const known of one) a.add(known);
        for (const known of two) b.add(known);
        assert.deepEqual(a.sorted(), b.sorted());
        a.addUnlisted('blob-orphan', 1);
        a.addUnlisted('blob-altered', 1);
        b.addUnlisted('blob-altered', 1);
        b.addUnlisted('blob-orphan', 1);
        assert.deepEqual(a.unlisted(), b.unlisted());
      }),
    );
  });

  test('has the worst first', () => {
    const log = new FindingsLog();
    for (const rule of ruleIds) log.add({ rule, message: 'x' });
    const severities = log.sorted().map(({ severity }) => severity);
    const expected = (['error', 'warning', 'info'] as const).flatMap((wanted) =>
      ruleIds.filter((rule) => rules[rule].severity === wanted).map(() => wanted),
    );
    assert.deepEqual(severities, expected);
  });

  test('is by rule, then by path, then by model', () => {
    const log = new FindingsLog();
    log.add({ rule: 'blob-missing', message: 'x', path: 'b', model: 'm' });
    log.add({ rule: 'blob-missing', message: 'x', path: 'a', model: 'n' });
    log.add({ rule: 'blob-missing', message: 'x', path: 'a', model: 'm' });
    log.add({ rule: 'blob-altered', message: 'x', path: 'z' });
    assert.deepEqual(
      log.sorted().map(({ path, model }) => [path, model]),
      [
        ['z', undefined],
        ['a', 'm'],
        ['a', 'n'],
        ['b', 'm'],
      ],
    );
  });
});
