import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { top } from '../house/sources.ts';
import { kubernetesVersion, lint, without } from './linters.ts';

const recipes = join(top, 'manifests', 'deploy', 'kubernetes');

interface Named {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

suite('the recipes for Kubernetes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-'));
  after(() => rmSync(folder, { recursive: true }));

  for (const name of ['base', 'exec']) {
    test(`${name}: kubectl kustomize makes objects of it, each with a tag for each image`, {
      skip: without('kubectl', ['version', '--client']),
    }, () => {
      const { status, stdout, stderr } = lint('kubectl', ['kustomize', join(recipes, name)]);
      assert.equal(status, 0, stderr);
      const objects = parseAllDocuments(stdout).map((document) => document.toJS() as Named);
      assert.deepEqual(objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort(), [
        'CronJob fetch-models',
        'CronJob verify-full',
        'Deployment ollama',
        'NetworkPolicy fetch-models',
        'NetworkPolicy ollama',
        'NetworkPolicy verify-full',
        'PersistentVolumeClaim ollama-models',
        'PersistentVolumeClaim verify-models-state',
        'Service ollama',
      ]);
      const images = [...stdout.matchAll(/image: (.*)/g)].map(([, image = '']) => image);
      assert.ok(images.length >= 5);
      for (const image of images) assert.match(image, /^(?:verify-models|ollama\/ollama):\d+\.\d+\.\d+$/);
      writeFileSync(join(folder, `${name}.yaml`), stdout);
    });
  }

  test('are what the schemas of Kubernetes allow, without a field that they do not know', {
    skip: without('kubectl-validate', ['--help']),
  }, () => {
    const base = join(recipes, 'base');
    const files = readdirSync(base).filter((name) => !['kustomization.yaml', 'config.yaml'].includes(name));
    for (const name of files) writeFileSync(join(folder, name), readFileSync(join(base, name)));
    const { status, stdout, stderr } = lint('kubectl-validate', [folder, '--version', kubernetesVersion]);
    assert.equal(status, 0, stdout + stderr);
    // It would say so: the same with a field that is misspelt.
    const wrong = join(folder, 'wrong.yaml');
    writeFileSync(
      wrong,
      readFileSync(join(base, 'verify-full.yaml'), 'utf8').replace('readOnly:', 'readonly:'),
    );
    const refused = lint('kubectl-validate', [wrong, '--version', kubernetesVersion]);
    rmSync(wrong);
    assert.notEqual(refused.status, 0);
    assert.match(refused.stdout + refused.stderr, /readonly/);
  });
});
