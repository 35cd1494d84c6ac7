import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  approvalLimit,
  approvalLines,
  approvalsSizeLimit,
  countApprovals,
} from '../../src/trust/approvals.ts';
import { keySigner } from '../../src/trust/key-signer.ts';
import { parsePublicKey } from '../../src/trust/public-key.ts';
import { bundle, listBytes, now, statement, TestSigner } from '../fixtures/signed-list.ts';

const [alice, bob] = [new TestSigner('alice'), new TestSigner('bob')];
const line = (signer: TestSigner, predicate: object = {}) =>
  JSON.stringify(bundle(signer, JSON.stringify(statement(listBytes, predicate))));
const signers = [alice, bob].map(({ name, pem }) => keySigner(name, parsePublicKey(pem)));

async function count(text: string | Uint8Array) {
  const { groups, problems } = await countApprovals(Buffer.from(text), signers, now);
  return { groups: groups.map((group) => group.signers.map(({ name }) => name)), problems };
}

describe('the lines of an approvals file', () => {
  const linesOf = (text: string, most?: number) => approvalLines(Buffer.from(text), most).map(String);

  test('end with LF or CR LF, the last one with nothing too; blank ones do not count', () => {
    assert.deepEqual(linesOf('a\nb\r\n\n \t\r\n\nc'), ['a', 'b\r', 'c']);
    assert.deepEqual(linesOf(''), []);
    assert.deepEqual(linesOf('\n\r\n \t'), []);
  });

  test('are taken up to a number, and nothing behind it is looked at', () => {
    assert.deepEqual(linesOf('a\n\nb\nc\n', 2), ['a', 'b']);
    const parts = approvalLines(Buffer.from('x\n'.repeat(4_000_000)), 65);
    assert.equal(parts.length, 65);
  });

  test('are those of the view that was given, not of the memory it lies in', () => {
    const memory = Buffer.from('before\nmine\nafter\n');
    assert.deepEqual(approvalLines(memory.subarray(7, 12)).map(String), ['mine']);
  });

  test('joined again are the text, without its blank lines', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'bc', '', ' ', '\r')), (parts) => {
        const kept = parts.filter((part) => /[^ \r\t]/.test(part));
        assert.deepEqual(linesOf(parts.join('\n')), kept);
      }),
    );
  });
});

describe('approvals', () => {
  test('count the same with CR LF, blank lines and without the last line end', async () => {
    const expected = { groups: [['alice', 'bob']], problems: [] };
    assert.deepEqual(await count(`${line(alice)}\n${line(bob)}\n`), expected);
    assert.deepEqual(await count(`\r\n${line(alice)}\r\n\r\n  ${line(bob)}\t`), expected);
  });

  test('over equal payloads make one group, one signer twice is one signer', async () => {
    const other = { issued: '2026-11-22T00:00:01Z' };
    assert.deepEqual(await count([line(alice), line(alice), line(bob, other), line(bob)].join('\n')), {
      groups: [['alice', 'bob'], ['bob']],
      problems: [],
    });
  });

  test('a line that is bad takes nothing from the others, and its problem names its place', async () => {
    const mallory = line(new TestSigner('mallory'));
    const { groups, problems } = await count(['{', line(alice), mallory, '[]'].join('\n'));
    assert.deepEqual(groups, [['alice']]);
    assert.deepEqual(problems, [
      'approval 1: it is refused: it ends too early',
      'approval 3: nobody who may approve signed it, or it was changed after it was signed',
      'approval 4: it is no Sigstore bundle v0.3 with one DSSE signature (top level)',
    ]);
  });

  test('a statement that nobody signed is not read: the problem is the signature', async () => {
    const bad = bundle(new TestSigner('mallory'), 'no statement');
    const { problems } = await count(JSON.stringify(bad));
    assert.match(problems[0] ?? '', /nobody who may approve signed it/);
    const signed = await count(JSON.stringify(bundle(alice, 'no statement')));
    assert.match(signed.problems[0] ?? '', /its statement is refused/);
  });

  test('64 lines are read, and of 65 none', async () => {
    const full = `${line(alice)}\n${'{}\n'.repeat(approvalLimit - 1)}`;
    assert.deepEqual((await count(full)).groups, [['alice']]);
    assert.deepEqual(await count(`${full}{}\n`), {
      groups: [],
      problems: ['there are more than 64 approvals'],
    });
  });

  test('8 MiB are read, and of one byte more nothing', async () => {
    const text = line(alice);
    assert.deepEqual(await count(`${text}\n${'\n'.repeat(approvalsSizeLimit - text.length)}`), {
      groups: [],
      problems: [`the approvals have ${approvalsSizeLimit + 1} bytes, more than ${approvalsSizeLimit}`],
    });
    assert.deepEqual((await count(`${text}${'\n'.repeat(approvalsSizeLimit - text.length)}`)).groups, [
      ['alice'],
    ]);
  });

  test('a line above 1 MiB is refused for its size', async () => {
    const { groups, problems } = await count(`${line(alice)}${' '.repeat(1024 * 1024)}\n${line(bob)}`);
    assert.deepEqual(groups, [['bob']]);
    assert.deepEqual(problems, ['approval 1: it has 1048577 bytes, more than 1048576']);
  });
});
