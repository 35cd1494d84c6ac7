import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { rooms } from './layers.ts';
import { importsOf, productSources, readSource, top } from './sources.ts';

const roomOf = (path: string): string => dirname(path);

/** Each import of a source that breaks the table, as a sentence. */
function breaches(path: string, source: string): string[] {
  const room = roomOf(path);
  const own = rooms[room];
  if (own === undefined) return [`${path}: ${room} is not in the table`];
  return importsOf(source).flatMap((name) => {
    if (name.startsWith('node:')) return [];
    if (!name.startsWith('.')) {
      const [scope = '', second = ''] = name.split('/');
      const packageName = scope.startsWith('@') ? `${scope}/${second}` : scope;
      return own.packages.includes(packageName) ? [] : [`${path}: ${packageName} belongs to another row`];
    }
    const target = join(dirname(path), name);
    const targetRoom = roomOf(target);
    if (targetRoom === room) return [];
    const other = rooms[targetRoom];
    if (other === undefined) return [`${path}: imports from ${targetRoom}, which is not in the table`];
    if (other.layer >= own.layer)
      return [`${path}: ${targetRoom} (${other.layer}) is not below ${room} (${own.layer})`];
    return target === join(targetRoom, 'index.ts') ? [] : [`${path}: reaches into ${target}`];
  });
}

/** Each way that leads from a file back to itself, as a sentence; once for each place where it closes. */
function circlesAmong(needs: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const follow = (path: string, way: readonly string[]): void => {
    const at = way.indexOf(path);
    if (at !== -1) found.push([...way.slice(at), path].join(' -> '));
    if (at !== -1 || done.has(path)) return;
    for (const next of needs.get(path) ?? []) follow(next, [...way, path]);
    done.add(path);
  };
  for (const path of needs.keys()) follow(path, []);
  return found;
}

describe('the house', () => {
  test('every import follows the table of layers', () => {
    const found = productSources().flatMap((path) => breaches(path, readSource(path)));
    assert.deepEqual(found, []);
  });

  test('the table is not satisfied by accident: each kind of breach is seen', () => {
    assert.deepEqual(breaches('src/oci/x.ts', "import { x } from '../verify/index.ts';\n"), [
      'src/oci/x.ts: src/verify (4) is not below src/oci (1)',
    ]);
    assert.deepEqual(breaches('src/verify/x.ts', "import { x } from '../oci/digest.ts';\n"), [
      'src/verify/x.ts: reaches into src/oci/digest.ts',
    ]);
    assert.deepEqual(breaches('src/verify/x.ts', "import {\n  z,\n} from 'zod/mini';\n"), [
      'src/verify/x.ts: zod belongs to another row',
    ]);
    assert.deepEqual(breaches('src/verify/x.ts', "const x = await import('undici');\n"), [
      'src/verify/x.ts: undici belongs to another row',
    ]);
    assert.deepEqual(breaches('src/store/x.ts', "export { x } from '../hash/index.ts';\n"), [
      'src/store/x.ts: src/hash (2) is not below src/store (2)',
    ]);
  });

  test('no files need each other in a circle', () => {
    const needs = new Map(
      productSources().map((path) => [
        path,
        importsOf(readSource(path))
          .filter((name) => name.startsWith('.'))
          .map((name) => join(dirname(path), name)),
      ]),
    );
    assert.deepEqual(circlesAmong(needs), []);
    const three = { a: ['b', 'd'], b: ['c'], c: ['a'], d: [] };
    assert.deepEqual(circlesAmong(new Map(Object.entries(three))), ['a -> b -> c -> a']);
  });

  test('every room of the table exists and has an index, and every folder is a room', () => {
    for (const room of Object.keys(rooms).filter((name) => name !== 'cli')) {
      assert.ok(existsSync(join(top, room, 'index.ts')), `${room}/index.ts`);
    }
    const folders = ['src', 'cli'].flatMap((above) =>
      readdirSync(join(top, above), { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => `${above}/${entry.name}`),
    );
    assert.deepEqual(
      folders.filter((folder) => rooms[folder] === undefined),
      [],
    );
  });

  test('the library takes its effects as arguments', () => {
    const forbidden =
      /\bprocess\.(?:exit|env|stdout|stderr|argv)\b|\bconsole\.|\bnew Date\(\)|\bDate\.now\(|\bMath\.random\(/;
    const found = productSources()
      .filter((path) => path.startsWith('src/'))
      .filter((path) => forbidden.test(readSource(path)));
    assert.deepEqual(found, []);
  });

  test('no file has more than 300 lines', () => {
    const long = productSources().filter((path) => readSource(path).split('\n').length > 301);
    assert.deepEqual(long, []);
  });

  test('no folder or file is named for nothing in particular', () => {
    const vague = productSources().filter((path) =>
      /(?:^|[/-])(?:utils?|helpers?|manager|misc|common)(?:[/.-]|$)/.test(path),
    );
    assert.deepEqual(vague, []);
  });
});
