import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { nodeDigests, nodeVersion } from '../../manifests/executable/locked-node.ts';
import { type NamedImage, ofDockerfile, ofYaml, recipeImages } from './recipe-images.ts';
import { readSource, top } from './sources.ts';

interface LockEntry {
  readonly version?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly optional?: boolean;
  readonly os?: string;
  readonly cpu?: string;
  readonly hasInstallScript?: boolean;
}

const { packages } = JSON.parse(readSource('package-lock.json')) as { packages: Record<string, LockEntry> };
const { devDependencies, allowScripts } = JSON.parse(readSource('package.json')) as {
  devDependencies: Record<string, string>;
  allowScripts: Record<string, boolean>;
};
const runtime = JSON.parse(readSource('manifests/node/package.json')) as {
  version: string;
  optionalDependencies: Record<string, string>;
};

/** What stands where a digest belongs that only the user's registry knows: no reader of references takes it for one. */
const unfilled = '@sha256:fill-in-by-docker-buildx-imagetools-inspect';

/** The own image by its version: Compose builds it here and is told never to pull it. */
const builtHere = ({ image, pullPolicy }: NamedImage): boolean =>
  /^verify-models:\d+\.\d+\.\d+$/.test(image) && pullPolicy === 'never';

const isLocked = (named: NamedImage): boolean =>
  /@sha256:[0-9a-f]{64}$/.test(named.image) || named.image.endsWith(unfilled) || builtHere(named);

describe('nothing is installed, embedded or run that is not locked', () => {
  test('every package of the lock file is held by its integrity, but this one and the directory of its own', () => {
    const free = Object.entries(packages).filter(([, { integrity }]) => !/^sha512-/.test(integrity ?? ''));
    assert.deepEqual(
      free.map(([path, { link }]) => [path, link ?? false]),
      [
        ['', false],
        ['manifests/node', false],
        ['node_modules/node', true],
      ],
    );
  });

  test('the Node.js that npm scripts run on is a package of the lock file, for each machine another one', () => {
    assert.equal(devDependencies.node, 'file:manifests/node');
    assert.equal(runtime.version, nodeVersion);
    for (const [name, version] of Object.entries(runtime.optionalDependencies)) {
      assert.equal(version, nodeVersion, name);
      const entry = packages[`node_modules/${name}`];
      assert.deepEqual([entry?.version, entry?.optional], [nodeVersion, true], name);
      // npm leaves out what is for another system or processor.
      const [, os, cpu] = /^node-(\w+)-(\w+)$/.exec(name) ?? [];
      assert.deepEqual([entry?.os, entry?.cpu], [os === 'win' ? 'win32' : os, cpu], name);
    }
    for (const target of Object.keys(nodeDigests))
      assert.ok(`node-${target}` in runtime.optionalDependencies);
  });

  test('no package runs a script of its own when it is installed', () => {
    assert.deepEqual(Object.values(allowScripts).filter(Boolean), []);
  });

  test('npx runs what is in the checkout, and asks no registry for a program that is not', () => {
    assert.match(readSource('.npmrc'), /^yes=false$/m);
  });

  test('what the gate installs with Go has an exact version: the checksum database of Go holds its bytes', () => {
    const installed = [...readSource('.ci/run').matchAll(/^\s*go_install \S+ (\S+)$/gm)].map(
      ([, name]) => name,
    );
    assert.ok(installed.length >= 3);
    for (const name of installed) assert.match(name ?? '', /@v\d+\.\d+\.\d+$/);
    assert.doesNotMatch(readSource('.ci/run'), /GONOSUM|GOSUMDB=off|GOINSECURE|GOFLAGS=.*insecure/);
  });

  test('every image of the recipes is named by a digest, or by a placeholder that nothing pulls', () => {
    const images = recipeImages();
    assert.ok(images.length >= 12, String(images.length));
    const free = images.filter((named) => !isLocked(named));
    assert.deepEqual(
      free.map(({ file, image }) => `${file}: ${image}`),
      [],
    );
    // A reader of references wants 64 hexadecimal digits, and says "invalid reference format" of anything else.
    assert.doesNotMatch(unfilled, /@sha256:[0-9a-f]{64}$/);
  });

  test('one image has one digest in all recipes', () => {
    const digests = new Map<string, Set<string>>();
    for (const { image } of recipeImages()) {
      const [, name = '', digest = ''] = /^(?:.*\/)?([^/:@]+)(?::[^@]*)?(@.*)?$/.exec(image) ?? [];
      if (digest !== '') digests.set(name, (digests.get(name) ?? new Set()).add(digest));
    }
    assert.deepEqual([...digests.keys()].sort(), ['node', 'ollama', 'verify-models']);
    for (const [name, found] of digests) assert.equal(found.size, 1, name);
  });

  test('beside a placeholder stands in one sentence how to get the digest', () => {
    const files = recipeImages().flatMap(({ file, image }) => (image.endsWith(unfilled) ? [file] : []));
    for (const file of new Set(files)) {
      // Of the objects of a kustomization it says so itself: there it is filled in for all of them.
      const there = [file, join(dirname(file), 'kustomization.yaml')].filter((path) =>
        existsSync(join(top, path)),
      );
      assert.match(there.map(readSource).join(''), /docker buildx imagetools inspect \S+/, file);
    }
  });

  test('an image without a digest would be seen, wherever it stands', () => {
    const seen = [
      ...ofDockerfile(
        'Dockerfile',
        'ARG BASE=node:24\nFROM --platform=x $BASE AS build\nCOPY --from=busybox:1 a b\n',
      ),
      ...ofDockerfile('Dockerfile', 'FROM build AS build\nCOPY --from=build a b\nFROM scratch\n'),
      ...ofYaml('compose.yaml', 'services:\n  one:\n    image: verify-models:0.1.0\n'),
      ...ofYaml('values.yaml', 'image:\n  repository: ollama/ollama\n  tag: 0.32.15\n'),
      ...ofYaml('kustomization.yaml', 'images:\n  - name: one\n    newTag: 2.0.0\n'),
    ];
    assert.deepEqual(
      seen.filter((named) => !isLocked(named)).map(({ image }) => image),
      ['node:24', 'busybox:1', 'verify-models:0.1.0', 'ollama/ollama:0.32.15', 'one:2.0.0'],
    );
  });

  test('no document has a line to copy that starts an image by its tag alone, or a chart without its version', () => {
    const documents = [
      'README.md',
      'CONTRIBUTING.md',
      ...markdownBelow('docs'),
      ...markdownBelow('manifests'),
    ];
    for (const path of documents) {
      const text = readSource(path).replaceAll('\\\n', ' ');
      for (const [line] of text.matchAll(/^(?:FROM|docker (?:run|pull)) .*$/gm))
        assert.match(line, /@sha256:|--pull[= ]never/, `${path}: ${line}`);
      for (const [line] of text.matchAll(/^.*helm (?:upgrade|install).*$/gm))
        assert.match(line, /--version \d|\.tgz/, `${path}: ${line}`);
      assert.doesNotMatch(text, /\bcurl\b.*\|\s*(?:sudo )?(?:ba)?sh\b|npx --yes|npx -y/, path);
    }
  });
});

const markdownBelow = (folder: string): string[] =>
  readdirSync(join(top, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
