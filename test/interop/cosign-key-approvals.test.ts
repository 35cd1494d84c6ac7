import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  addApproval,
  approvalLines,
  listPredicateType,
  makeKeyPair,
  parseSigningKey,
  prepareApproval,
  type SigningKey,
  trustPredicateType,
} from '../../src/trust/index.ts';
import { digestOf, listOf, policyCase, requestFor } from './approval-case.ts';
import { Cosign, findCosign } from './cosign.ts';

const found = findCosign('that stock cosign accepts every approval made with a key');
const needs = { skip: found.skip };

describe('stock cosign and an approval made with a key', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-'));
  const cosign = new Cosign(found.program ?? '', folder);
  const { privatePem, publicPem: pub } = makeKeyPair('open sesame', randomBytes);
  let key: SigningKey;
  before(async () => {
    key = await parseSigningKey(privatePem, async () => 'open sesame');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const lineOf = (text: string): string => approvalLines(Buffer.from(text)).at(-1)?.toString('utf8') ?? '';

  test('it accepts the approval of a list against the list, offline', needs, async () => {
    const list = listOf();
    const line = lineOf(addApproval(prepareApproval(requestFor(list)), key));
    const file = cosign.file('allow-list.json', list);
    const { ok, said } = await cosign.verify(line, { pub, type: listPredicateType, file });
    assert.match(said, /^Verified OK$/m);
    assert.ok(ok);
  });

  test('it accepts each line of several approvers over the same statement', needs, async () => {
    const list = listOf();
    const second = makeKeyPair('', randomBytes);
    const alone = addApproval(prepareApproval(requestFor(list)), key);
    const joined = prepareApproval(requestFor(list, { approvals: Buffer.from(alone) }));
    const both = addApproval(joined, await parseSigningKey(second.privatePem, async () => ''));
    const lines = approvalLines(Buffer.from(both)).map((line) => line.toString('utf8'));
    const file = cosign.file('allow-list.json', list);
    const runs = [
      await cosign.verify(lines[0] ?? '', { pub, type: listPredicateType, file }),
      await cosign.verify(lines[1] ?? '', { pub: second.publicPem, type: listPredicateType, file }),
      await cosign.verify(lines[1] ?? '', { pub, type: listPredicateType, file }),
    ];
    assert.deepEqual(
      runs.map(({ ok }) => ok),
      [true, true, false],
    );
  });

  test('it accepts the approval of a trust policy against the policy', needs, async () => {
    const { bytes } = policyCase({ keys: { alice: key.publicKey }, threshold: 1, root: await otherKey() });
    const request = requestFor(bytes, { predicateType: trustPredicateType, trustVersion: 1 });
    const line = lineOf(addApproval(prepareApproval(request), key));
    const file = cosign.file('trust.json', bytes);
    assert.ok((await cosign.verify(line, { pub, type: trustPredicateType, file })).ok);
    assert.ok(!(await cosign.verify(line, { pub, type: listPredicateType, file })).ok);
  });

  test('with subjects, it finds the approval of one model by its manifest file', needs, async () => {
    const manifest = Buffer.from('{"schemaVersion":2,"layers":[]}');
    const list = listOf(manifest);
    const subjects = [{ name: 'registry.ollama.ai/library/sample:latest', digest: digestOf(manifest) }];
    const [named, silent] = [subjects, []].map((some) =>
      lineOf(addApproval(prepareApproval(requestFor(list, { subjects: some })), key)),
    );
    const type = listPredicateType;
    const file = cosign.file('manifest.json', manifest);
    const listFile = cosign.file('allow-list.json', list);
    assert.ok((await cosign.verify(named ?? '', { pub, type, file })).ok);
    assert.ok((await cosign.verify(named ?? '', { pub, type, file: listFile })).ok);
    const refused = await cosign.verify(silent ?? '', { pub, type, file });
    assert.match(refused.said, /do not match digests in statement/);
    assert.ok(!refused.ok);
  });

  test('it takes as many subjects as are ever written: 1,024 in all', needs, async () => {
    const list = listOf();
    const subjects = Array.from({ length: 1023 }, (_, at) => ({
      name: `registry.ollama.ai/library/m${at}:latest`,
      digest: digestOf(Buffer.from(`m${at}`)),
    }));
    const line = lineOf(addApproval(prepareApproval(requestFor(list, { subjects })), key));
    const file = cosign.file('last.json', 'm1022');
    assert.ok((await cosign.verify(line, { pub, type: listPredicateType, file })).ok);
  });

  test(
    'it refuses the approval for a list of which one byte differs, and under another key',
    needs,
    async () => {
      const list = listOf();
      const line = lineOf(addApproval(prepareApproval(requestFor(list)), key));
      const changed = Buffer.from(list);
      changed[changed.length - 2] = 0x20;
      const type = listPredicateType;
      const file = cosign.file('allow-list.json', changed);
      const refused = await cosign.verify(line, { pub, type, file });
      assert.match(refused.said, /do not match digests in statement/);
      assert.ok(!refused.ok);
      const stranger = makeKeyPair('', randomBytes).publicPem;
      const right = cosign.file('allow-list.json', list);
      assert.ok(!(await cosign.verify(line, { pub: stranger, type, file: right })).ok);
    },
  );
});

const otherKey = (): Promise<SigningKey> =>
  parseSigningKey(makeKeyPair('', randomBytes).privatePem, async () => '');
