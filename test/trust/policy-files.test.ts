import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { changePolicy, emptyPolicy, type NewSigner, nextVersion } from '../../src/trust/edit-policy.ts';
import { parsePolicy } from '../../src/trust/policy.ts';
import { createPolicy, editPolicy, readPolicy } from '../../src/trust/policy-files.ts';
import { parsePublicKey } from '../../src/trust/public-key.ts';
import { approvalsPath, earlierPolicyPath } from '../../src/trust/trust-files.ts';
import { refusedWith } from '../fixtures/refused-with.ts';
import { now, TestSigner } from '../fixtures/signed-list.ts';
import { signedPolicy } from '../fixtures/signed-policy.ts';

const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => new TestSigner(name)) as [
  TestSigner,
  TestSigner,
  TestSigner,
];
const signer = ({ name, pem }: TestSigner): NewSigner => ({
  ...{ kind: 'key', name, key: parsePublicKey(pem) },
  ...{ from: undefined, to: undefined },
});
const adding = (who: TestSigner) => ({ add: [{ signer: signer(who), roles: ['root', 'list'] as const }] });
const first = changePolicy(emptyPolicy('site', now), adding(alice));

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vm-'));
  path = join(folder, 'trust.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const approve = (by: TestSigner): Buffer => {
  const { approvals } = signedPolicy(readFileSync(path, 'utf8'), [by]);
  writeFileSync(approvalsPath(path), approvals);
  return approvals;
};

describe('the file of a trust policy', () => {
  test('is made once, and reads as what was written', () => {
    createPolicy(path, first);
    const { policy, approved } = readPolicy(path);
    assert.deepEqual(
      [policy.version, policy.root, approved],
      [1, { signers: ['alice'], threshold: 1 }, false],
    );
    assert.throws(() => createPolicy(path, first), refusedWith('USAGE', 'is there already'));
  });

  test('is not made when nobody could meet it', () => {
    assert.throws(() => createPolicy(path, emptyPolicy('site', now)), refusedWith('TRUST_MALFORMED'));
    assert.equal(existsSync(path), false);
  });

  test('is changed in place as long as nobody approved it', () => {
    createPolicy(path, first);
    const { policy, kept } = editPolicy(path, adding(bob), now, false);
    assert.deepEqual([policy.version, policy.list.signers, kept], [1, ['alice', 'bob'], undefined]);
    assert.equal(existsSync(join(folder, 'trust')), false);
  });

  test('becomes the next version once it is approved, and the old one is kept with its approvals', () => {
    createPolicy(path, first);
    const bytes = readFileSync(path);
    const approvals = approve(alice);
    assert.equal(readPolicy(path).approved, true);
    const { policy, kept } = editPolicy(path, adding(bob), now, false);
    assert.deepEqual([policy.version, kept], [2, 1]);
    assert.deepEqual(readFileSync(earlierPolicyPath(path, 1)), bytes);
    assert.deepEqual(readFileSync(approvalsPath(earlierPolicyPath(path, 1))), approvals);
    assert.equal(existsSync(approvalsPath(path)), false);
    assert.equal(readPolicy(path).approved, false);
    assert.equal(editPolicy(path, adding(carol), now, false).policy.version, 2);
  });

  test('keeps its approvals after a change that cannot be, and stays as it is', () => {
    createPolicy(path, first);
    const approvals = approve(alice);
    const bytes = readFileSync(path);
    const cannot = () => editPolicy(path, { remove: ['alice'] }, now, false);
    assert.throws(cannot, refusedWith('TRUST_MALFORMED'));
    assert.throws(() => editPolicy(path, { listThreshold: 2 }, now, false), refusedWith('TRUST_MALFORMED'));
    assert.deepEqual([readFileSync(path), readFileSync(approvalsPath(path))], [bytes, approvals]);
    assert.equal(existsSync(join(folder, 'trust')), false);
  });

  test('with approvals of other bytes is a draft', () => {
    createPolicy(path, first);
    approve(alice);
    writeFileSync(path, `${readFileSync(path, 'utf8')}\n`);
    assert.equal(readPolicy(path).approved, false);
  });

  test('that is absent or broken is told as such', () => {
    assert.throws(() => readPolicy(path), refusedWith('TRUST_UNREADABLE', path));
    writeFileSync(path, '{');
    assert.throws(() => readPolicy(path), refusedWith('TRUST_MALFORMED', 'it ends too early'));
    assert.throws(() => editPolicy(path, {}, now, false), refusedWith('TRUST_MALFORMED'));
    assert.equal(readFileSync(path, 'utf8'), '{');
  });
});

describe('a change of a policy', () => {
  const three = changePolicy(changePolicy(first, adding(bob)), adding(carol));

  test('takes a signer out of every role, and leaves the others in their order', () => {
    const less = changePolicy(three, { remove: ['bob'] });
    const names = (policy: typeof less) => policy.keys.map(({ name }) => name);
    assert.deepEqual(names(less), ['alice', 'carol']);
    assert.deepEqual(less.root, { signers: ['alice', 'carol'], threshold: 1 });
    assert.deepEqual(less.list, less.root);
    assert.deepEqual(names(three), ['alice', 'bob', 'carol']);
  });

  test('may give a signer another key under the same name, in one step', () => {
    const key = new TestSigner('alice');
    const changed = changePolicy(three, { remove: ['alice'], ...adding(key) });
    assert.deepEqual(changed.list.signers, ['bob', 'carol', 'alice']);
    assert.equal(changed.keys.find(({ name }) => name === 'alice')?.key.hint, key.hint);
  });

  test('refuses to add who is there, and to remove who is not', () => {
    assert.throws(() => changePolicy(three, adding(bob)), refusedWith('USAGE', 'called bob already'));
    assert.throws(
      () => changePolicy(three, { remove: ['dave'] }),
      refusedWith('USAGE', 'no signer called dave'),
    );
  });

  test('changes only what it names, zero too', () => {
    const grace = changePolicy(three, { graceDays: 7, minListVersion: 4, maxValidityDays: 30 });
    assert.deepEqual(grace, { ...three, graceDays: 7, minListVersion: 4, maxValidityDays: 30 });
    assert.equal(changePolicy(grace, { graceDays: 0 }).graceDays, 0);
    assert.deepEqual(changePolicy(three, {}), three);
  });

  test('a next version is one higher and valid for a year from now, in whole seconds', () => {
    const after = nextVersion(three, new Date(now.getTime() + 999));
    assert.deepEqual(after, { ...three, version: 2, expires: new Date('2027-11-23T12:00:00Z') });
  });

  test('in which one signer is added twice, or under two names, is refused when it is parsed', () => {
    const twin = { ...signer(alice), name: 'twin' };
    createPolicy(path, first);
    const change = { add: [{ signer: twin, roles: ['list'] as const }] };
    assert.throws(() => editPolicy(path, change, now, false), refusedWith('TRUST_MALFORMED', 'two names'));
    assert.equal(parsePolicy(readFileSync(path)).keys.length, 1);
  });
});
