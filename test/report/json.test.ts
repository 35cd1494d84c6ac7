import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { type Finding, ruleIds, unprintable } from '../../src/findings/index.ts';
import { type CheckReport, renderJson, reportSchema } from '../../src/report/index.ts';
import { digestOf, hostileReport, mixedReport, soundReport, textOf } from './sample-report.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../manifests/schema/report.v1.json', import.meta.url), 'utf8'),
) as { $id: string };
const validate = new Ajv({ allErrors: true, strict: true }).compile(schema);

type Json = Record<string, unknown>;

function documentOf(report: CheckReport): Json {
  const document = JSON.parse(textOf(renderJson(report))) as Json;
  assert.ok(validate(document), JSON.stringify(validate.errors));
  return document;
}

describe('the JSON report', () => {
  test('of a sound store is this text', () => {
    const one = digestOf('1');
    assert.equal(
      textOf(renderJson(soundReport)),
      `{
  "schema": "urn:verify-models:report:v1",
  "tool": {"name":"verify-models","version":"0.1.0"},
  "store": "/srv/ollama/models",
  "startedAt": "2026-09-01T12:00:00.000Z",
  "durationMs": 1500,
  "partial": false,
  "exitCode": 0,
  "allowList": null,
  "summary": {"models":1,"blobs":2,"bytes":2000000561,"hashedBytes":2000000561,"ok":1,"altered":0,"untrusted":0,"missing":0,"unchecked":0,"orphans":0,"partials":0},
  "models": [
    {"name":"registry.ollama.ai/library/llama3.2:1b","manifestDigest":"${one}","status":"ok","bytes":2000001566}
  ],
  "blobs": [
    {"digest":"${digestOf('a')}","bytes":2000000000,"proof":"whole"},
    {"digest":"${digestOf('c')}","bytes":561,"proof":"whole"}
  ],
  "findings": []
}
`,
    );
  });

  test('of a store with something of everything says it all, and is valid', () => {
    const document = documentOf(mixedReport);
    assert.deepEqual(document.allowList, mixedReport.allowList);
    assert.deepEqual(document.findings, mixedReport.findings);
    assert.deepEqual(document.blobs, mixedReport.blobs);
    assert.deepEqual(document.unlisted, [{ rule: 'blob-orphan', more: 41 }]);
    assert.deepEqual(
      document.models,
      mixedReport.models.map(({ shortName: _, ...model }) => model),
    );
    assert.deepEqual([document.exitCode, document.partial], [15, true]);
  });

  test('of a hostile store has the same values and nothing that a terminal obeys or hides', () => {
    const text = textOf(renderJson(hostileReport));
    assert.equal(unprintable.exec(text.replaceAll('\n', '')), null);
    const document = documentOf(hostileReport);
    assert.equal(document.store, hostileReport.store);
    assert.deepEqual(document.findings, hostileReport.findings);
    assert.deepEqual(document.allowList, hostileReport.allowList);
  });

  test('is valid for any finding, and has its values', () => {
    const text = fc.string({ unit: 'binary' });
    const finding = fc.record(
      {
        rule: fc.constantFrom(...ruleIds),
        severity: fc.constantFrom('error', 'warning', 'info'),
        bit: fc.constantFrom(0, 1, 2, 4, 8),
        message: text,
        model: text,
        layer: text,
        path: text,
        expected: text,
        actual: text,
        hint: text,
      },
      { requiredKeys: ['rule', 'severity', 'bit', 'message'] },
    );
    fc.assert(
      fc.property(fc.array(finding, { maxLength: 5 }), (findings) => {
        const read = documentOf({ ...soundReport, findings: findings as Finding[] }).findings;
        assert.deepEqual(read, JSON.parse(JSON.stringify(findings)));
      }),
    );
  });

  test('is written in parts: one part for a blob, asked for one by one', () => {
    let made = 0;
    const blobs = {
      *[Symbol.iterator]() {
        for (; made < 1000; made += 1) yield { digest: digestOf('a'), bytes: 1, proof: 'whole' as const };
      },
    };
    const parts = renderJson({ ...soundReport, blobs });
    for (const part of parts) if (part.includes('"proof"')) break;
    assert.equal(made, 0);
  });
});

describe('the schema of the JSON report', () => {
  const sound = (): Json => JSON.parse(textOf(renderJson(mixedReport))) as Json;

  test('has the name that reports give', () => {
    assert.equal(schema.$id, reportSchema);
    assert.equal(sound().schema, reportSchema);
  });

  test('knows every rule', () => {
    for (const rule of ruleIds) {
      documentOf({ ...soundReport, findings: [{ rule, severity: 'error', bit: 1, message: 'x' }] });
    }
  });

  /** Paths to every object of a report, as keys from the top. */
  const objects = [
    [],
    ['tool'],
    ['summary'],
    ['allowList'],
    ['models', '0'],
    ['blobs', '0'],
    ['findings', '0'],
    ['unlisted', '0'],
  ];
  const at = (document: Json, path: readonly string[]): Json =>
    path.reduce<Json>((value, key) => value[key] as Json, document);

  for (const path of objects) {
    const where = path.length === 0 ? 'the report' : path.join('.');
    test(`refuses an unknown key in ${where}`, () => {
      const document = sound();
      at(document, path).unknown = 1;
      assert.equal(validate(document), false);
    });

    test(`refuses ${where} without one of its keys`, () => {
      const optional = ['unlisted', 'model', 'layer', 'digest', 'path', 'expected', 'actual', 'hint'];
      const inFinding = path[0] === 'findings';
      for (const key of Object.keys(at(sound(), path))) {
        const document = sound();
        delete at(document, path)[key];
        const mayLack = (inFinding || path.length === 0) && optional.includes(key);
        assert.equal(validate(document), mayLack, key);
      }
    });

    test(`refuses a value of another type in ${where}`, () => {
      for (const key of Object.keys(at(sound(), path))) {
        const document = sound();
        at(document, path)[key] = { wrong: true };
        assert.equal(validate(document), false, key);
      }
    });
  }

  for (const [what, path, key, value] of [
    ['another schema', [], 'schema', 'urn:verify-models:report:v2'],
    ['a time without a zone', [], 'startedAt', '2026-09-01T12:00:00'],
    ['an exit code beyond 255', [], 'exitCode', 256],
    ['a negative exit code', [], 'exitCode', -1],
    ['a number of bytes that is no integer', ['summary'], 'bytes', 1.5],
    ['a negative number', ['summary'], 'models', -1],
    ['an unknown status', ['models', '0'], 'status', 'fine'],
    ['an upper-case digest', ['blobs', '0'], 'digest', digestOf('A')],
    ['an unknown proof', ['blobs', '0'], 'proof', 'believed'],
    ['an unknown severity', ['findings', '0'], 'severity', 'fatal'],
    ['a bit that is none', ['findings', '0'], 'bit', 3],
    ['a rule that is no word', ['findings', '0'], 'rule', 'MV001'],
    ['nothing more of a rule', ['unlisted', '0'], 'more', 0],
    ['an empty list of what is not listed', [], 'unlisted', []],
  ] as const) {
    test(`refuses ${what}`, () => {
      const document = sound();
      at(document, path)[key] = value;
      assert.equal(validate(document), false);
    });
  }
});
