import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { readSource, top } from '../house/sources.ts';
import { kubernetesVersion, lint, without } from './linters.ts';

const path = 'manifests/deploy/helm/values.yaml';
const chart = process.env.OLLAMA_CHART;
const validator = without('kubectl-validate', ['--help']);

interface Values {
  readonly securityContext: object;
  readonly podSecurityContext: object;
  readonly initContainers: readonly object[];
  readonly volumes: readonly object[];
  readonly volumeMounts: readonly object[];
  readonly extraEnv: readonly object[];
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

  test('what they put into the pod is what the schemas of Kubernetes allow', { skip: validator }, () => {
    const { securityContext, podSecurityContext, initContainers, volumes, volumeMounts, extraEnv } = parse(
      readSource(path),
    ) as Values;
    const main = { name: 'ollama', image: 'ollama/ollama', securityContext, env: extraEnv, volumeMounts };
    const spec = { securityContext: podSecurityContext, initContainers, containers: [main], volumes };
    assertValid(stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'ollama' }, spec }));
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
