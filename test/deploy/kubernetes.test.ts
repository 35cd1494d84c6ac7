import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { top } from '../house/sources.ts';
import { type KubernetesObject, typeErrors } from './kubernetes-types.ts';
import { kubernetesVersion, lint, without } from './linters.ts';

const recipes = join(top, 'manifests', 'deploy', 'kubernetes');

/** The objects of a text; `kustomization.yaml` and the settings of the tool are none. */
const objectsOf = (text: string): KubernetesObject[] =>
  parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject);
const base = join(recipes, 'base');
const files = readdirSync(base).filter((name) => !['kustomization.yaml', 'config.yaml'].includes(name));
const objects = files.flatMap((name) => objectsOf(readFileSync(join(base, name), 'utf8')));

suite('the recipes for Kubernetes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-'));
  after(() => rmSync(folder, { recursive: true }));

  for (const name of ['base', 'exec']) {
    test(`${name}: kubectl kustomize makes objects of it, each image by its digest or not at all`, {
      skip: without('kubectl', ['version', '--client']),
    }, () => {
      const { status, stdout, stderr } = lint('kubectl', ['kustomize', join(recipes, name)]);
      assert.equal(status, 0, stderr);
      const made = objectsOf(stdout);
      assert.deepEqual(typeErrors(made), []);
      assert.deepEqual(made.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort(), [
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
      // What a site fills in is the digest of its own registry: nothing pulls the name that stands there before.
      const own = 'registry.corp/verify-models@sha256:fill-in-by-docker-buildx-imagetools-inspect';
      for (const image of images)
        assert.ok(image === own || /^ollama\/ollama:[\d.]+@sha256:[0-9a-f]{64}$/.test(image), image);
      writeFileSync(join(folder, `${name}.yaml`), stdout);
    });
  }

  test('are what the types of Kubernetes allow, without a field that they do not know', () => {
    assert.equal(objects.length, 9);
    assert.deepEqual(typeErrors(objects), []);
    // They would say so: the same with a field that is misspelt, one of another type, one that is missing, another group.
    const text = JSON.stringify(objects);
    const wrong = [
      text.replace('"readOnly":', '"readonly":'),
      text.replace('"replicas":1', '"replicas":"1"'),
      text.replace('"mountPath":', '"subPath":'),
      text.replace('"apps/v1"', '"networking.k8s.io/v1"'),
    ];
    const said = typeErrors(wrong.flatMap((each) => JSON.parse(each) as KubernetesObject[])).join('\n');
    assert.match(said, /'"readonly"' does not exist/);
    assert.match(said, /Type 'string' is not assignable/);
    assert.match(said, /Property 'mountPath' is missing/);
    assert.match(said, /no exported member/);
  });

  test('are what the schemas of Kubernetes allow, without a field that they do not know', {
    skip: without('kubectl-validate', ['--help']),
  }, () => {
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

interface Policy {
  readonly podSelector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly policyTypes: readonly string[];
  readonly ingress?: readonly object[];
  readonly egress?: readonly object[];
}

const appLabel = 'app.kubernetes.io/name';
/** The labels of every pod that the recipes make: the template of a Deployment, or of the job of a CronJob. */
const podLabels = objects.flatMap((object) => {
  const { spec } = object as unknown as {
    spec: { template?: object; jobTemplate?: { spec: { template: object } } };
  };
  const template = spec.jobTemplate?.spec.template ?? spec.template;
  return template === undefined
    ? []
    : [(template as { metadata: { labels: Record<string, string> } }).metadata.labels];
});
const policies = objects
  .filter(({ kind }) => kind === 'NetworkPolicy')
  .map((object) => (object as unknown as { spec: Policy }).spec);
/** The rules for a pod: those of every policy that selects it are added up. */
const policiesOf = (app: string): Policy[] =>
  policies.filter(({ podSelector }) => podSelector.matchLabels[appLabel] === app);
const egressOf = (app: string): object[] => policiesOf(app).flatMap(({ egress }) => egress ?? []);
const podsNamed = (app: string) => ({ podSelector: { matchLabels: { [appLabel]: app } } });

suite('the network policies', () => {
  test('select every pod of the recipes by its one label, and close both directions of each', () => {
    const apps = podLabels.map((labels) => labels[appLabel]).sort();
    assert.deepEqual(apps, ['fetch-models', 'ollama', 'verify-full']);
    for (const labels of podLabels) assert.deepEqual(Object.keys(labels), [appLabel]);
    for (const app of apps) {
      const own = policiesOf(app ?? '');
      assert.equal(own.length, 1, app);
      for (const { podSelector, policyTypes } of own) {
        assert.deepEqual(podSelector, { matchLabels: { [appLabel]: app } });
        assert.deepEqual(policyTypes, ['Ingress', 'Egress']);
      }
    }
    assert.equal(policies.length, apps.length, 'none opens what another one closed');
  });

  test('let Ollama and the full pass reach nothing at all, not even a name server', () => {
    assert.deepEqual([egressOf('ollama'), egressOf('verify-full')], [[], []]);
  });

  test('let fetch-models reach the mirror and the name servers of the cluster, and nothing else', () => {
    const names = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } };
    assert.deepEqual(egressOf('fetch-models'), [
      { to: [podsNamed('model-mirror')], ports: [{ port: 11435 }] },
      {
        to: [names],
        ports: [
          { port: 53, protocol: 'UDP' },
          { port: 53, protocol: 'TCP' },
        ],
      },
    ]);
  });

  test('let only clients and Prometheus reach Ollama, and nobody the others', () => {
    const ingress = (app: string) => policiesOf(app).flatMap(({ ingress }) => ingress ?? []);
    assert.deepEqual(ingress('ollama'), [
      { from: [{ podSelector: { matchLabels: { 'ollama-client': 'true' } } }], ports: [{ port: 11434 }] },
      { from: [{ namespaceSelector: {}, ...podsNamed('prometheus') }], ports: [{ port: 9435 }] },
    ]);
    assert.deepEqual([ingress('fetch-models'), ingress('verify-full')], [[], []]);
  });
});
