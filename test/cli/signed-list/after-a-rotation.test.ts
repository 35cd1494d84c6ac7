import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { failing, SignedSite } from '../../fixtures/signed-site.ts';

/** What readers who did not write it found: ways to bring an old list back to a host that knows a newer one. */
describe('an older list comes back', () => {
  let site: SignedSite;
  beforeEach(() => {
    site = new SignedSite();
    site.scratch.addModel();
  });
  afterEach(() => site.remove());

  const listFacts = async (...words: string[]) =>
    failing(await site.check(...words)).filter((line) => !line.startsWith('model-'));
  const byPolicy = (...words: string[]) => listFacts('--trust', site.trust, ...words);
  const signByPolicy = () => site.sign('alice', '--trust', site.trust, '--expires', '30');
  const rotate = async (...words: string[]) => {
    await site.must('trust', ...words, '--trust', site.trust);
    await site.signPolicy('alice');
  };
  /** Versions 1 and 2 under policy 1; the second one is accepted. The result brings the first one back. */
  async function twoVersions(signers: string[]): Promise<() => void> {
    await site.allow('--all');
    await site.policy(signers, 1);
    await signByPolicy();
    const old = site.keepList();
    site.scratch.addModel('registry.ollama.ai/library/newer:latest');
    await site.allow('--all');
    await signByPolicy();
    assert.deepEqual(await byPolicy(), []);
    return old;
  }

  test('not because a signer was added to the policy', async () => {
    const old = await twoVersions(['alice']);
    await rotate('add-signer', 'carol', '--key', site.key('carol').pub, '--role', 'list');
    old();
    assert.deepEqual(await byPolicy(), ['list-rolled-back 2']);
    assert.deepEqual(await byPolicy('--require-allow-list'), ['list-rolled-back 2']);
  });

  test('not because another signer left, where a signer who stayed approved it before that', async () => {
    const old = await twoVersions(['alice', 'bob']);
    await rotate('rotate', '--remove', 'bob');
    old();
    assert.deepEqual(await byPolicy(), ['list-rolled-back 2']);
    // Approved again under the policy without bob, it is what alice says now.
    site.day = 1;
    await site.sign('alice', '--trust', site.trust, '--expires', '30', '--renew');
    assert.deepEqual(await byPolicy(), []);
  });

  test('neither by the key to a host that follows the policy, nor by the policy to one that went by the key', async () => {
    await site.allow('--all');
    await site.policy(['alice'], 1);
    await signByPolicy();
    const first = site.keepList();
    site.scratch.addModel('registry.ollama.ai/library/newer:latest');
    await site.allow('--all');
    await signByPolicy();
    const second = site.keepList();
    site.scratch.addModel('registry.ollama.ai/library/newest:latest');
    await site.allow('--all');
    await signByPolicy();
    const third = site.keepList();
    first();
    assert.deepEqual(await listFacts(), []);
    third();
    assert.deepEqual(await byPolicy(), []);
    second();
    assert.deepEqual(await listFacts(), ['list-rolled-back 2']);
    assert.deepEqual(await byPolicy(), ['list-rolled-back 2']);
  });

  test('not where the memory of it is damaged and something is done by it: nothing is fetched, repaired or started', async () => {
    await site.approve();
    const old = site.keepList();
    site.scratch.addModel('registry.ollama.ai/library/newer:latest');
    await site.approve();
    assert.deepEqual(await listFacts(), []);
    const [memory = ''] = readdirSync(site.state).filter((name) => name.startsWith('list-'));
    writeFileSync(join(site.state, memory), 'junk');
    old();
    const by = ['--allow-list', site.list, '--key', site.key('alice').pub, '--state', site.state];
    for (const words of [
      ['exec', '--store', site.store, ...by, '--', 'true'],
      ['repair', '--store', site.store, '--from', 'http://127.0.0.1:9', ...by],
    ]) {
      const { status, stderr } = await site.run(...words);
      assert.notEqual(status, 0, words[0]);
      assert.match(stderr, /the state file .* is damaged/, words[0]);
    }
    // A plain check looks, says so, and changes nothing.
    assert.deepEqual(await listFacts(), []);
  });

  test('not where the memory of its place is damaged: the memory of its version counts all the same', async () => {
    await site.approve();
    const old = site.keepList();
    site.scratch.addModel('registry.ollama.ai/library/newer:latest');
    await site.approve();
    await site.check();
    const [place = ''] = readdirSync(site.state).filter((name) => name.startsWith('place-'));
    writeFileSync(join(site.state, place), 'junk');
    old();
    assert.deepEqual(await listFacts(), ['list-rolled-back 2']);
  });

  test('not by a clock that is set back behind a check in its days of grace', async () => {
    await site.allow('--all');
    await site.policy(['alice'], 1, '--grace-days', '10');
    await site.sign('alice', '--trust', site.trust, '--expires', '1');
    assert.deepEqual(await byPolicy(), []);
    site.day = 9;
    assert.deepEqual(await byPolicy(), []);
    site.day = 0.5;
    assert.deepEqual(await byPolicy(), ['clock-set-back 2']);
  });
});
