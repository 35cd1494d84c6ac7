import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Finding, unprintable } from '../../src/findings/index.ts';
import { type CheckReport, type ModelStatus, printable, renderJUnit } from '../../src/report/index.ts';
import { findings, hostileReport, hostileText, mixedReport, soundReport, textOf } from './sample-report.ts';
import { type Element, readXml } from './xml-reader.ts';

interface Suite {
  readonly element: Element;
  readonly cases: readonly Element[];
  /** By the name of the case: the element that says how it ended, or `passed`. */
  readonly outcomes: Readonly<Record<string, string>>;
}

const outcomeNames = ['failure', 'error', 'skipped'];

/** The test suite of a report, whose counts must agree with its cases. */
function suiteOf(report: CheckReport): Suite {
  const root = readXml(textOf(renderJUnit(report)));
  assert.equal(root.name, 'testsuites');
  const [element, ...more] = root.children;
  assert.ok(element?.name === 'testsuite' && more.length === 0);
  const cases = element.children.filter(({ name }) => name === 'testcase');
  const count = (name: string) =>
    cases.filter(({ children }) => children.some((child) => child.name === name)).length;
  for (const { attributes } of [root, element]) {
    assert.equal(attributes.tests, `${cases.length}`);
    assert.equal(attributes.failures, `${count('failure')}`);
    assert.equal(attributes.errors, `${count('error')}`);
    assert.equal(attributes.skipped, `${count('skipped')}`);
  }
  const outcomes = Object.fromEntries(
    cases.map(({ attributes, children }) => {
      const found = children.map(({ name }) => name).filter((name) => outcomeNames.includes(name));
      assert.ok(found.length <= 1);
      return [attributes.name ?? '', found[0] ?? 'passed'];
    }),
  );
  return { element, cases, outcomes };
}

const model = (status: ModelStatus, name = `h/n/${status}:t`) => ({
  ...{ name, shortName: name, manifestDigest: null, status, bytes: 0 },
});

const finding = (rule: Finding['rule'], bit: Finding['bit'], more: Partial<Finding> = {}): Finding => ({
  ...{ rule, severity: bit === 0 ? 'warning' : 'error', bit, message: `${rule} was found` },
  ...more,
});

/** How the cases of such a report end. */
const outcomesOf = (models: CheckReport['models'], ...found: readonly Finding[]) =>
  suiteOf({ ...soundReport, models, findings: found }).outcomes;

describe('the JUnit report', () => {
  test('of a sound store is this text', () => {
    assert.equal(
      textOf(renderJUnit(soundReport)),
      [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<testsuites tests="2" failures="0" errors="0" skipped="0" time="1.500">',
        '<testsuite name="/srv/ollama/models" tests="2" failures="0" errors="0" skipped="0" time="1.500" timestamp="2026-09-01T12:00:00.000Z">',
        '<properties><property name="exitStatus" value="0 = all is well"/><property name="partial" value="false"/></properties>',
        '<testcase classname="verify-models" name="registry.ollama.ai/library/llama3.2:1b"></testcase>',
        '<testcase classname="verify-models" name="(store)"></testcase>',
        '</testsuite>',
        '</testsuites>',
        '',
      ].join('\n'),
    );
  });

  test('has one case a model, and one for what belongs to none', () => {
    const { outcomes, cases } = suiteOf(mixedReport);
    assert.deepEqual(outcomes, {
      'registry.ollama.ai/library/ok:latest': 'passed',
      'registry.ollama.ai/library/sample:latest': 'failure',
      'registry.ollama.ai/library/untrusted:latest': 'failure',
      'registry.ollama.ai/library/missing:latest': 'failure',
      'registry.ollama.ai/library/unchecked:latest': 'skipped',
      '(store)': 'failure',
    });
    const [altered] = findings as readonly [Finding];
    const [failure] = cases[1]?.children ?? [];
    assert.deepEqual(failure?.attributes, { message: altered.message, type: 'blob-altered' });
    assert.equal(failure?.text, `${altered.message} (next: ${altered.hint})`);
  });

  test('keeps the notes of the store, and what is not listed', () => {
    const [failure, notes] = suiteOf(mixedReport).cases.at(-1)?.children ?? [];
    assert.equal(failure?.text, 'blobs/y is a link to /elsewhere');
    assert.equal(
      notes?.text,
      'blob-hard-link: blobs/z has 2 names\nblob-orphan: no manifest names blobs/o\n41 more of blob-orphan',
    );
  });

  test('fails a model that is hit by a finding of another one', () => {
    const { cases } = suiteOf({ ...soundReport, models: [model('altered')] });
    assert.deepEqual(cases[0]?.children[0]?.attributes, {
      message: 'this model is altered',
      type: 'altered',
    });
  });

  test('skips a model that was not checked, and has an error for one that could not be', () => {
    assert.deepEqual(outcomesOf([model('unchecked')]), { 'h/n/unchecked:t': 'skipped', '(store)': 'passed' });
    const unreadable = finding('manifest-unreadable', 4, { model: 'h/n/unchecked:t' });
    assert.equal(outcomesOf([model('unchecked')], unreadable)['h/n/unchecked:t'], 'error');
  });

  test('fails where --fail-on asked for it, although the model is in order', () => {
    const remote = finding('model-remote', 1, { model: 'h/n/ok:t' });
    assert.deepEqual(outcomesOf([model('ok')], remote), { 'h/n/ok:t': 'failure', '(store)': 'passed' });
    const note = finding('model-remote', 0, { model: 'h/n/ok:t' });
    assert.equal(outcomesOf([model('ok')], note)['h/n/ok:t'], 'passed');
  });

  test('does not lose a finding about a model that is not there', () => {
    const missing = finding('model-missing', 8, { model: 'h/n/absent:t' });
    assert.deepEqual(outcomesOf([model('ok')], missing), { 'h/n/ok:t': 'passed', '(store)': 'failure' });
  });

  test('fails whenever the exit status of the findings is not 0', () => {
    const status = fc.constantFrom<ModelStatus>('ok', 'altered', 'untrusted', 'missing', 'unchecked');
    const facts = fc.record({
      bit: fc.constantFrom<Finding['bit']>(0, 1, 2, 4, 8),
      model: fc.constantFrom(undefined, 'h/n/0:t', 'h/n/1:t', 'h/n/other:t'),
    });
    fc.assert(
      fc.property(
        fc.array(status, { maxLength: 3 }),
        fc.array(facts, { maxLength: 4 }),
        (statuses, found) => {
          const models = statuses.map((one, at) => model(one, `h/n/${at}:t`));
          const all = found.map(({ bit, model }) =>
            finding('blob-link', bit, model === undefined ? {} : { model }),
          );
          const outcomes = Object.values(outcomesOf(models, ...all));
          const bad = outcomes.includes('failure') || outcomes.includes('error');
          const expected =
            found.some(({ bit }) => bit !== 0) || statuses.some((one) => one !== 'ok' && one !== 'unchecked');
          assert.equal(bad, expected);
        },
      ),
    );
  });
});

describe('hostile text in a JUnit report', () => {
  test('is escaped: it adds no element, and reaches no terminal', () => {
    const text = textOf(renderJUnit(hostileReport));
    for (const line of text.split('\n')) assert.equal(unprintable.exec(line), null, line);
    const { element, cases } = suiteOf(hostileReport);
    const shown = printable(hostileText).replace(/[\ufffe\uffff]/g, '?');
    assert.equal(cases.length, 2);
    assert.equal(cases[0]?.children[0]?.attributes.message, shown);
    assert.equal(element.attributes.name, printable(hostileReport.store).replace(/[\ufffe\uffff]/g, '?'));
  });

  test('gives well-formed XML, whatever it is', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom(...hostileText, ']]>') }),
    );
    fc.assert(
      fc.property(text, text, text, (store, message, hint) => {
        const all = [finding('blob-link', 1, { message, hint }), finding('blob-orphan', 0, { message })];
        suiteOf({ ...soundReport, store, models: [model('ok', message || 'x')], findings: all });
      }),
      { numRuns: 500 },
    );
  });

  test('is read by an XML parser of others', (t) => {
    const program = [
      'import sys, xml.etree.ElementTree as tree',
      'for case in tree.fromstring(sys.stdin.buffer.read()).iter("testcase"): print(len(list(case)))',
    ].join('\n');
    for (const [report, children] of [
      [soundReport, [0, 0]],
      [mixedReport, [0, 1, 1, 1, 1, 2]],
      [hostileReport, [1, 1]],
    ] as const) {
      const input = textOf(renderJUnit(report));
      const { error, status, stdout, stderr } = spawnSync('python3', ['-c', program], {
        input,
        encoding: 'utf8',
      });
      if (error !== undefined || /No module|not found/.test(stderr)) return t.skip('needs python3');
      assert.equal(status, 0, stderr);
      assert.deepEqual(stdout.trim().split('\n').map(Number), children);
    }
  });
});
