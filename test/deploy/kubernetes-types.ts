import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { top } from '../house/sources.ts';

/** An object as `kubectl apply` takes it. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

/** Where `kubernetes-types` has the objects of an API group. */
const folders: Readonly<Record<string, string>> = { 'networking.k8s.io': 'networking', '': 'core' };

/**
 * What the types of Kubernetes 1.30 (`kubernetes-types`, made from its published API description) have against objects: a
 * field that they do not know, a value of another type, one that is missing. TypeScript refuses unknown fields of literals,
 * so each object becomes one. Empty where there is nothing to say.
 */
export function typeErrors(objects: readonly KubernetesObject[]): string[] {
  const types = dirname(createRequire(import.meta.url).resolve('kubernetes-types/package.json'));
  const folder = mkdtempSync(join(tmpdir(), 'vm-'));
  try {
    const source = objects.map((object, number) => {
      const [version = '', group = ''] = object.apiVersion.split('/').reverse();
      const from = JSON.stringify(join(types, folders[group] ?? group, version));
      const name = `object${number}`;
      return `import type { ${object.kind} as Type${number} } from ${from};\nexport const ${name}: Type${number} = ${JSON.stringify(object, undefined, 1)};\n`;
    });
    writeFileSync(join(folder, 'objects.ts'), source.join(''));
    const options = [
      '--noEmit',
      '--strict',
      '--module',
      'esnext',
      '--moduleResolution',
      'bundler',
      '--pretty',
      'false',
    ];
    const compiler = join(top, 'node_modules', 'typescript', 'bin', 'tsc');
    const run = spawnSync(process.execPath, [compiler, ...options, 'objects.ts'], {
      cwd: folder,
      encoding: 'utf8',
    });
    if (run.status === 0) return [];
    return `${run.stdout}${run.stderr}`.split('\n').filter((line) => line !== '');
  } finally {
    rmSync(folder, { recursive: true });
  }
}
