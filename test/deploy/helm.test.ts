import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { readSource, top } from '../house/sources.ts';
import { type KubernetesObject, typeErrors } from './kubernetes-types.ts';
import { kubernetesVersion, lint, without } from './linters.ts';

const path = 'manifests/deploy/helm/values.yaml';
const chart = process.env.OLLAMA_CHART;
const validator = without('kubectl-validate', ['--help']);

interface Mount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
}

interface Values {
  readonly securityContext: object;
  readonly podSecurityContext: object;
  readonly initContainers: readonly { readonly name: string; readonly volumeMounts: readonly Mount[] }[];
  readonly volumes: readonly { readonly name: string }[];
  readonly volumeMounts: readonly Mount[];
  readonly extraEnv: readonly object[];
}

/** The pod that the chart makes of the values, as far as they say it. */
function podOf(values: Values): KubernetesObject & { readonly spec: object } {
  const { securityContext, podSecurityContext, initContainers, volumes, volumeMounts, extraEnv } = values;
  const main = { name: 'ollama', image: 'ollama/ollama', securityContext, env: extraEnv, volumeMounts };
  const spec = { securityContext: podSecurityContext, initContainers, containers: [main], volumes };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'ollama' }, spec };
}

suite('the values for Helm', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-'));
  after(() => rmSync(folder, { recursive: true }));

  const assertValid = (text: string) => {
    const file = join(folder, 'object.yaml');
    writeFileSync(file, text);
    const { status, stdout, stderr } = lint('kubectl-validate', [file, '--version', kubernetesVersion]);
    assert.equal(status, 0, stdout + stderr);
  };

  const values = parse(readSource(path)) as Values;

  test('what they put into the pod is what the types of Kubernetes allow, without a field that they do not know', () => {
    const pod = podOf(values);
    assert.deepEqual(typeErrors([pod]), []);
    const wrong = { ...pod, spec: { ...pod.spec, volume: [] } };
    assert.match(typeErrors([wrong]).join(), /volume/);
  });

  test('mount what is there, and the models read-only alone', () => {
    const names = values.volumes.map(({ name }) => name);
    for (const { volumeMounts } of [values, ...values.initContainers]) {
      for (const { name } of volumeMounts) assert.ok(names.includes(name), name);
      const models = volumeMounts.filter(({ mountPath }) => mountPath === '/models');
      assert.deepEqual(
        models.map(({ name, readOnly }) => [name, readOnly]),
        [['models', true]],
      );
    }
    // Ollama sees neither what was proven nor what was approved.
    assert.deepEqual(values.volumeMounts.length, 1);
  });

  test('what they put into the pod is what the schemas of Kubernetes allow', { skip: validator }, () => {
    assertValid(stringify(podOf(values)));
  });

  const helm =
    without('helm', ['version']) || (chart === undefined && 'needs OLLAMA_CHART, a checkout of the chart');
  test('what the chart makes of them is valid, and mounts the models read-only alone', {
    skip: helm || validator,
  }, () => {
    const { status, stdout, stderr } = lint('helm', [
      'template',
      'ollama',
      chart ?? '',
      '-f',
      join(top, path),
    ]);
    assert.equal(status, 0, stderr);
    assertValid(stdout);
    const mounts = [...stdout.matchAll(/- mountPath: \/models\n\s+name: models\n\s+readOnly: true\n/g)];
    assert.equal(mounts.length, 3);
    assert.equal(stdout.match(/mountPath: \/models/g)?.length, 3);
  });
});
