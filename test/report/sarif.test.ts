import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { type Finding, ruleIds, rules, unprintable } from '../../src/findings/index.ts';
import { type CheckReport, printable, renderSarif } from '../../src/report/index.ts';
import { hostileReport, hostileText, mixedReport, soundReport, textOf } from './sample-report.ts';
import { sarifLog } from './sarif-parts.ts';

const validate = new Ajv({ allErrors: true, unicodeRegExp: false }).compile(sarifLog);

interface Result {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: string;
  readonly message: { readonly text: string };
  readonly locations?: readonly {
    readonly physicalLocation?: { readonly artifactLocation: { readonly uri: string } };
    readonly logicalLocations?: readonly { readonly fullyQualifiedName: string }[];
  }[];
  readonly partialFingerprints: Record<string, string>;
  readonly properties: object;
}

interface Run {
  readonly tool: {
    readonly driver: {
      readonly rules: readonly { readonly id: string; readonly defaultConfiguration: object }[];
    };
  };
  readonly invocations: readonly object[];
  readonly originalUriBaseIds: { readonly STORE: { readonly uri: string } };
  readonly properties: object;
  readonly results: readonly Result[];
}

/** The one run of a report, which must be valid. */
function runOf(report: CheckReport): Run {
  const log = JSON.parse(textOf(renderSarif(report))) as { runs: [Run] };
  assert.ok(validate(log), JSON.stringify(validate.errors));
  assert.equal(log.runs.length, 1);
  const [run] = log.runs;
  for (const { ruleId, ruleIndex } of run.results) assert.equal(run.tool.driver.rules[ruleIndex]?.id, ruleId);
  return run;
}

/** The results that findings become. */
const resultsOf = (...findings: readonly Finding[]): readonly Result[] =>
  runOf({ ...soundReport, findings }).results;

const error = { severity: 'error', bit: 1 } as const;

/** What a reader of SARIF shows for a message without arguments (3.11.5). */
const shown = (text: string): string => text.replaceAll('{{', '{').replaceAll('}}', '}');

describe('the SARIF report', () => {
  test('of a sound store is a run without results, which knows every rule', () => {
    const run = runOf(soundReport);
    assert.deepEqual(run.results, []);
    assert.deepEqual(
      run.tool.driver.rules.map(({ id }) => id),
      ruleIds,
    );
    const level = { error: 'error', warning: 'warning', info: 'note' } as const;
    assert.deepEqual(
      run.tool.driver.rules.map(({ defaultConfiguration }) => defaultConfiguration),
      ruleIds.map((id) => ({ level: level[rules[id].severity] })),
    );
    assert.deepEqual(run.invocations, [
      {
        executionSuccessful: true,
        exitCode: 0,
        startTimeUtc: '2026-09-01T12:00:00.000Z',
        endTimeUtc: '2026-09-01T12:00:01.500Z',
      },
    ]);
    assert.deepEqual(run.properties, { partial: false, summary: soundReport.summary, unlisted: [] });
    assert.equal(run.originalUriBaseIds.STORE.uri, 'file:///srv/ollama/models/');
  });

  test('begins as the standard recommends', () => {
    assert.ok(
      textOf(renderSarif(soundReport)).startsWith(
        '{"version":"2.1.0","$schema":"https://json.schemastore.org/sarif-2.1.0.json","runs":[',
      ),
    );
  });

  test('has one result a finding, with its place, its model and its facts', () => {
    const results = runOf(mixedReport).results;
    assert.deepEqual(
      results.map(({ ruleId, level }) => [ruleId, level]),
      [
        ['blob-altered', 'error'],
        ['blob-link-outside', 'error'],
        ['blob-hard-link', 'warning'],
        ['blob-orphan', 'note'],
      ],
    );
    const [b, d] = ['b'.repeat(64), 'd'.repeat(64)];
    assert.deepEqual(results[0], {
      ruleId: 'blob-altered',
      ruleIndex: ruleIds.indexOf('blob-altered'),
      level: 'error',
      message: {
        text: 'the system of sample:latest is altered. Next: rm /srv/ollama/models/blobs/x && ollama pull sample:latest',
      },
      locations: [
        {
          physicalLocation: { artifactLocation: { uri: `blobs/sha256-${b}`, uriBaseId: 'STORE' } },
          logicalLocations: [
            { fullyQualifiedName: 'registry.ollama.ai/library/sample:latest', kind: 'resource' },
          ],
        },
      ],
      partialFingerprints: {
        'findingIdentity/v1': `blob-altered|blobs/sha256-${b}|registry.ollama.ai/library/sample:latest`,
      },
      properties: {
        bit: 1,
        layer: 'system',
        digest: `sha256:${b}`,
        expected: `sha256:${b}`,
        actual: `sha256:${d}`,
      },
    });
    assert.deepEqual(runOf(mixedReport).properties, {
      partial: true,
      summary: mixedReport.summary,
      unlisted: [{ rule: 'blob-orphan', more: 41 }],
    });
  });

  test('of a finding without a place or a model has no locations', () => {
    const [result] = resultsOf({ rule: 'list-unsigned', ...error, message: 'x' });
    assert.equal(result !== undefined && 'locations' in result, false);
  });

  for (const [exitCode, successful] of [
    [0, true],
    [15, true],
    [64, false],
    [70, false],
    [130, false],
  ] as const) {
    test(`with exit status ${exitCode} says that the run ${successful ? 'came to its end' : 'did not'}`, () => {
      const [invocation] = runOf({ ...soundReport, exitCode }).invocations;
      assert.deepEqual(
        { ...invocation, startTimeUtc: '', endTimeUtc: '' },
        {
          ...{ executionSuccessful: successful, exitCode, startTimeUtc: '', endTimeUtc: '' },
        },
      );
    });
  }
});

describe('hostile text in a SARIF report', () => {
  test('reaches no terminal, and stays what it was in the facts', () => {
    const text = textOf(renderSarif(hostileReport));
    assert.equal(unprintable.exec(text.replaceAll('\n', '')), null);
    const [result] = runOf(hostileReport).results;
    assert.equal(result?.message.text.includes('\\u{{1b}}[31mred'), true);
    assert.deepEqual(result?.properties, {
      bit: 1,
      layer: hostileText,
      expected: hostileText,
      actual: hostileText,
    });
    assert.equal(result?.locations?.[0]?.logicalLocations?.[0]?.fullyQualifiedName, `h/n/${hostileText}:t`);
  });

  test('becomes a path of the same names, percent-encoded', () => {
    const path = 'manifests/a b/%2e%2e/?x=#y/\'"<\u202e\u001b模';
    const [result] = resultsOf({ rule: 'name-illegal', ...error, path, message: 'x' });
    const uri = result?.locations?.[0]?.physicalLocation?.artifactLocation.uri ?? '';
    assert.equal(decodeURIComponent(uri), path);
    assert.deepEqual(uri.split('/').length, path.split('/').length);
    const store = '/srv/my models/#1?/%41/é';
    const base = runOf({ ...soundReport, store }).originalUriBaseIds.STORE.uri;
    assert.equal(fileURLToPath(base), `${store}/`);
    assert.equal(fileURLToPath(new URL('blobs/x', base)), `${store}/blobs/x`);
  });

  test('becomes no link and no placeholder', () => {
    const message = 'Ollama skips [click](javascript:alert(1)) {0} {{1}}';
    const [result] = resultsOf({ rule: 'name-illegal', ...error, message });
    assert.equal(result?.message.text, 'Ollama skips [click] (javascript:alert(1)) {{0}} {{{{1}}}}');
  });

  test('in a command leaves it as it is, or leaves it out', () => {
    const finding = { rule: 'blob-altered', ...error, message: 'x' } as const;
    assert.equal(resultsOf({ ...finding, hint: "rm '/s/{a}'" })[0]?.message.text, "x. Next: rm '/s/{{a}}'");
    assert.equal(resultsOf({ ...finding, hint: "rm '/s/[a](b)'" })[0]?.message.text, 'x');
  });

  test('gives a valid report, whatever it is, and the message that the other reports show', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom(...hostileText, '](') }),
    );
    const finding = fc.record(
      { message: text, model: text, path: text, layer: text, expected: text, actual: text },
      { requiredKeys: ['message'] },
    );
    const nonEmpty = ({ message, model, path }: Partial<Finding>) =>
      message !== '' && model !== '' && path !== '';
    fc.assert(
      fc.property(fc.array(finding.filter(nonEmpty), { maxLength: 4 }), text, (facts, store) => {
        const findings = facts.map((fact): Finding => ({ rule: 'blob-foreign', ...error, ...fact }));
        const { results } = runOf({ ...soundReport, store: `/${store}`, findings });
        assert.deepEqual(
          results.map(({ message }) => shown(message.text)),
          findings.map(({ message }) => printable(message).replaceAll('](', '] (')),
        );
      }),
      { numRuns: 300 },
    );
  });
});
