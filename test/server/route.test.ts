import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readTarget } from '../../server/route.ts';

const digest = `sha256:${'ab'.repeat(32)}`;

describe('what a request is about', () => {
  for (const [target, route] of [
    ['/v2/', { kind: 'base' }],
    ['/v2/_catalog?n=5', { kind: 'catalog' }],
    ['/v2/library/x/manifests/latest', { kind: 'manifest', repository: 'library/x', reference: 'latest' }],
    [`/v2/library/x/manifests/${digest}`, { kind: 'manifest', repository: 'library/x', reference: digest }],
    [`/v2/library/x/blobs/${digest}?n=1`, { kind: 'blob', repository: 'library/x', digest }],
    ['/v2/library/x/tags/list', { kind: 'tags', repository: 'library/x' }],
    [`/v2/library/x/referrers/${digest}`, { kind: 'referrers', repository: 'library/x', digest }],
    ['/verify-models/v1/allow-list.json', { kind: 'list-file', name: 'allow-list.json' }],
    [
      '/verify-models/v1/trust/12.json.sigstore.jsonl',
      { kind: 'list-file', name: 'trust/12.json.sigstore.jsonl' },
    ],
    [`/verify-models/v1/chunks/${'ab'.repeat(32)}`, { kind: 'list-file', name: `chunks/${'ab'.repeat(32)}` }],
  ] as const) {
    test(`${target} is ${route.kind}`, () => assert.deepEqual(readTarget(target).route, route));
  }

  test('no text of a client becomes a path: what is taken has letters, digits and four signs', () => {
    const pieces = [
      'v2',
      'library',
      '..',
      '.',
      '',
      '%2e',
      '%2F',
      '\\',
      'manifests',
      'latest',
      'blobs',
      digest,
    ];
    const target = fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string()), { maxLength: 8 });
    fc.assert(
      fc.property(target, (parts) => {
        const { route } = readTarget(`/v2/${parts.join('/')}`);
        const texts = Object.values(route).filter((value) => typeof value === 'string');
        for (const text of texts) {
          assert.match(text, /^[A-Za-z0-9_.:/-]+$/);
          assert.ok(!text.split('/').some((part) => part === '..' || part === '.' || part === ''));
        }
      }),
    );
  });
});
