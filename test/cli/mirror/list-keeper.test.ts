import assert from 'node:assert/strict';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ListKeeper } from '../../../cli/mirror/list-keeper.ts';
import { FakeIo } from '../../fixtures/fake-io.ts';
import { ScratchFiles } from '../../fixtures/scratch-files.ts';
import { SeededRandom } from '../../fixtures/seeded-random.ts';
import { bundle, listBytes, statement, TestSigner } from '../../fixtures/signed-list.ts';
import { policyOf, signedPolicy } from '../../fixtures/signed-policy.ts';

const day = 86_400_000;
const start = new FakeIo().now().getTime();
const stamp = (days: number) => new Date(start + days * day).toISOString().replace(/\.\d{3}Z$/, 'Z');
const [alice, bob] = [new TestSigner('alice'), new TestSigner('bob')];

/** A list in a folder, with approvals and perhaps a policy whose dates are drawn. */
function drawn(folder: string, below: (limit: number) => number) {
  const [list, trust, key] = ['allow-list.json', 'trust.json', 'alice.pub'].map((name) => join(folder, name));
  assert.ok(list && trust && key);
  const approval = (signer: TestSigner) => {
    const issued = below(12) - 6;
    const dates = { issued: stamp(issued), expires: stamp(issued + 1 + below(20)) };
    return JSON.stringify(bundle(signer, JSON.stringify(statement(listBytes, dates))));
  };
  writeFileSync(list, listBytes);
  writeFileSync(
    `${list}.sigstore.jsonl`,
    [approval(alice), approval(bob), approval(alice)].slice(below(2)).join('\n'),
  );
  if (below(3) === 0) {
    writeFileSync(key, alice.pem);
    return { 'allow-list': list, key };
  }
  const dates = {
    from: below(2) === 0 ? undefined : stamp(below(8) - 2),
    to: below(2) === 0 ? undefined : stamp(8 + below(8)),
  };
  const policy = signedPolicy(
    policyOf([alice, bob], 1, {
      keys: [
        { name: 'alice', pem: alice.pem, ...dates },
        { name: 'bob', pem: bob.pem },
      ],
      ...{ expires: stamp(1 + below(30)), graceDays: below(6) },
      roles: {
        root: { signers: ['bob'], threshold: 1 },
        list: { signers: ['alice', 'bob'], threshold: 1 + below(2) },
      },
    }),
    [bob],
  );
  writeFileSync(trust, policy.bytes);
  writeFileSync(`${trust}.sigstore.jsonl`, policy.approvals);
  return { 'allow-list': list, trust };
}

const shown = ({ standing }: ListKeeper) => ('reason' in standing ? standing.reason : standing.kind);

const noManifest = async () => undefined;

test('the list of a running mirror is at every moment what a mirror that starts then would have', async () => {
  const random = new SeededRandom(20261128);
  const below = (limit: number) => random.below(limit);
  let changes = 0;
  for (let round = 0; round < 30; round += 1) {
    const files = new ScratchFiles();
    try {
      const settings = drawn(files.folder, below);
      const [state, copy] = [join(files.folder, 'state'), join(files.folder, 'copy')];
      const io = new FakeIo();
      const keeper = await ListKeeper.open(settings, state, noManifest, io);
      for (let look = 0; look < 30; look += 1) {
        const before = shown(keeper);
        io.jump(below(2 * day));
        if (keeper.isDue) await keeper.refresh();
        cpSync(state, `${copy}${look}`, { recursive: true });
        const then = new FakeIo();
        then.jump(io.now().getTime() - start);
        assert.equal(
          shown(keeper),
          shown(await ListKeeper.open(settings, `${copy}${look}`, noManifest, then)),
        );
        if (shown(keeper) !== before) changes += 1;
      }
    } finally {
      files.remove();
    }
  }
  // Else it would hold for a mirror that never looks.
  assert.ok(changes > 30, `${changes}`);
});
