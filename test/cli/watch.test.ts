import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, lstatSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { bareEnvironment } from '../fixtures/run-main.ts';
import { program } from '../fixtures/run-program.ts';
import { type SampleModel, sampleLayers } from '../fixtures/sample-store.ts';
import { SealedSite } from '../fixtures/sealed-site.ts';
import { until } from '../fixtures/until.ts';

suite('watch', () => {
  let site: SealedSite;
  let model: SampleModel;
  let child: ChildProcess;
  let said = '';
  let errors = '';
  beforeEach(() => {
    site = new SealedSite();
    model = site.scratch.addModel();
    said = '';
    errors = '';
    environment = {};
  });
  afterEach(async () => {
    await stop();
    site.remove();
  });

  let environment: NodeJS.ProcessEnv = {};
  const start = async (...words: string[]) => {
    const umask = process.umask(0o077);
    child = spawn(process.execPath, [program, 'watch', ...site.where, ...words], {
      env: { ...bareEnvironment, PATH: process.env.PATH, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    process.umask(umask);
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    await until(() => said.includes('in order: 1 model'));
  };
  const stop = async (): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await until(() => child.exitCode !== null || child.signalCode !== null);
    }
    return child.exitCode;
  };
  const flip = () => {
    const file = model.blob('system');
    const bytes = readFileSync(file);
    bytes[3] = (bytes[3] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    utimesSync(file, new Date(0), new Date(0));
  };
  const page = async (path: string) => {
    const url = /http:\/\/\S+/.exec(errors)?.[0] ?? '';
    const answer = await fetch(url + path);
    return { status: answer.status, text: await answer.text() };
  };

  test('finds what changes, comes and goes, says each finding once, and ends with 0', async () => {
    await start();
    site.scratch.addModel('registry.ollama.ai/library/new:1b', sampleLayers('Be brief.'));
    await until(() => said.includes('in order: 2 models'));
    flip();
    await until(() => said.includes('exit status 1: 2 models'));
    assert.match(said, /blob-altered: the system layer of sample:latest is altered/);
    assert.match(said, /next: rm .* && ollama pull sample:latest/);
    rmSync(model.manifestPath);
    await until(() => said.includes('exit status 1: 1 model'));
    assert.equal(said.match(/ blob-altered:/g)?.length, 1);
    assert.match(said, / orphan-altered:/);
    assert.equal(await stop(), 0);
  });

  test('gives new findings to a program on its stdin, and to no shell', async () => {
    const [script, got] = [site.beside('on finding; touch nothing'), site.beside('got')];
    writeFileSync(script, `#!/bin/sh\ncat > ${got}.new && mv ${got}.new ${got}\n`, { mode: 0o755 });
    await start('--on-finding', script);
    flip();
    await until(() => existsSync(got));
    const { schema, exitCode, findings } = JSON.parse(readFileSync(got, 'utf8'));
    assert.deepEqual([schema, exitCode], ['urn:verify-models:findings:v1', 1]);
    assert.deepEqual(
      [findings[0].rule, findings[0].model, findings[0].layer],
      ['blob-altered', 'registry.ollama.ai/library/sample:latest', 'system'],
    );
  });

  test('says that the program could not be run, and goes on', async () => {
    await start('--on-finding', site.beside('nothing-there'));
    flip();
    await until(() => /warning: .*nothing-there: .*ENOENT/.test(said));
    flip();
    await until(() => said.slice(said.indexOf('ENOENT')).includes('in order: 1 model'));
  });

  test('serves metrics and health, and writes the same for the node exporter', async () => {
    const [file, precious] = [site.beside('models.prom'), site.beside('precious')];
    writeFileSync(precious, 'precious');
    symlinkSync(precious, file);
    await start('--metrics-listen', '127.0.0.1:0', '--textfile', file);
    assert.deepEqual(await page('/healthz'), { status: 200, text: 'ok\n' });
    assert.equal((await page('/readyz')).status, 200);
    flip();
    await until(() => said.includes('exit status 1'));
    const { text } = await page('/metrics');
    assert.match(text, /^verify_models_exit_code 1$/m);
    assert.match(text, /^verify_models_findings\{rule="blob-altered"\} 1$/m);
    assert.match(text, /^verify_models_models\{status="altered"\} 1$/m);
    assert.match(text, /^verify_models_last_success_timestamp_seconds\{kind="change"\} \d+/m);
    await until(() => readFileSync(file, 'utf8').includes('verify_models_exit_code 1'));
    assert.equal(readFileSync(precious, 'utf8'), 'precious', 'a link is not followed');
    assert.equal(lstatSync(file).mode & 0o777, 0o644, 'whatever the umask');
    const unready = await page('/readyz');
    assert.deepEqual([unready.status, /system layer of sample:latest/.test(unready.text)], [503, true]);
    assert.equal((await page('/healthz')).status, 200);
  });

  test('hashes everything on its schedule', async () => {
    await start('--every', '1s');
    await until(() => /full pass, in order: 1 model, 17\.2 kB \(17\.2 kB hashed\)/.test(said));
  });

  test('hashes the whole store, whatever the settings of the host leave out of a check', async () => {
    environment = { VERIFY_MODELS_SUBSET: '1/1000000', VERIFY_MODELS_FIRST_FAILURE: 'true' };
    await start();
    flip();
    await until(() => said.includes('blob-altered: the system layer'));
  });

  test('writes no textfile into the store', async () => {
    await start();
    const run = await site.run('watch', '--store', site.store, '--textfile', site.scratch.at('blobs', 'x'));
    assert.equal(run.status, 64);
    assert.match(run.stderr, /would lie inside the store/);
  });
});
