import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Ajv } from 'ajv';
import { runMain } from '../fixtures/run-main.ts';
import { addSampleModel, sampleLayers, writeBlob } from '../fixtures/sample-store.ts';
import { sarifLog } from './sarif-parts.ts';
import { readXml } from './xml-reader.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'vm-')));
const store = join(folder, 'store');
after(() => rmSync(folder, { recursive: true, force: true }));

// One model that is sound, one with a blob altered, one with a blob missing, one ambiguous, and an orphan.
const nameOf = (model: string): string => `registry.ollama.ai/library/${model}:latest`;
const withSystem = (model: string) => addSampleModel(store, nameOf(model), sampleLayers(`I am ${model}.\n`));
mkdirSync(store);
addSampleModel(store, nameOf('sound'));
writeFileSync(withSystem('altered').blob('system'), 'I am Altered.\n');
unlinkSync(withSystem('missing').blob('system'));
const ambiguous = withSystem('ambiguous');
writeFileSync(ambiguous.manifestPath, `${ambiguous.manifest}{}`);
writeBlob(store, Buffer.from('nobody names me'));

const run = (format: string) => runMain(['--store', store, '--format', format, '--progress', 'none']);

const schema = JSON.parse(
  readFileSync(new URL('../../manifests/schema/report.v1.json', import.meta.url), 'utf8'),
) as object;

interface Report {
  readonly exitCode: number;
  readonly models: readonly { readonly name: string; readonly status: string }[];
  readonly blobs: readonly object[];
  readonly findings: readonly { readonly rule: string; readonly bit: number }[];
  readonly summary: Record<string, number>;
}

describe('the report of a real run', () => {
  test('in JSON is valid, and its parts agree', async () => {
    const { stdout, status } = await run('json');
    const report = JSON.parse(stdout) as Report;
    const validate = new Ajv({ allErrors: true, strict: true }).compile(schema);
    assert.ok(validate(report), JSON.stringify(validate.errors));
    assert.deepEqual([status, report.exitCode], [9, 9]);
    assert.deepEqual(Object.fromEntries(report.models.map((model) => [model.name, model.status])), {
      [nameOf('sound')]: 'ok',
      [nameOf('altered')]: 'altered',
      [nameOf('missing')]: 'missing',
      [nameOf('ambiguous')]: 'altered',
    });
    const { summary, blobs, findings } = report;
    assert.deepEqual([summary.models, summary.blobs], [report.models.length, blobs.length]);
    assert.equal(
      findings.reduce((bits, { bit }) => bits | bit, 0),
      report.exitCode,
    );
    assert.deepEqual(
      findings.filter(({ bit }) => bit !== 0).map(({ rule }) => rule),
      ['blob-altered', 'blob-missing', 'manifest-ambiguous'],
    );
  });

  test('in JSON lines is one event a line, in order, and ends with the exit status', async () => {
    const { stdout, status } = await run('jsonl');
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; exitCode?: number });
    const order = ['start', 'status', 'finding', 'model', 'blob', 'unlisted', 'end'];
    const types = events.map(({ type }) => type);
    assert.deepEqual([types[0], types.at(-1)], ['start', 'end']);
    const places = types.filter((type) => type !== 'status').map((type) => order.indexOf(type));
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    );
    assert.equal(types.filter((type) => type === 'model').length, 4);
    assert.equal(events.at(-1)?.exitCode, status);
  });

  test('in SARIF is valid', async () => {
    const { stdout, status } = await run('sarif');
    const log = JSON.parse(stdout) as { runs: [{ invocations: [{ exitCode: number }] }] };
    const validate = new Ajv({ allErrors: true, unicodeRegExp: false }).compile(sarifLog);
    assert.ok(validate(log), JSON.stringify(validate.errors));
    assert.equal(log.runs[0].invocations[0].exitCode, status);
  });

  test('in JUnit is well-formed, and fails as many cases as models are not in order', async () => {
    const { stdout } = await run('junit');
    const { attributes } = readXml(stdout);
    assert.deepEqual([attributes.tests, attributes.failures, attributes.errors], ['5', '3', '0']);
  });
});
