import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { SignedSite } from '../../fixtures/signed-site.ts';

let site: SignedSite;
beforeEach(async () => {
  site = new SignedSite();
  site.scratch.addModel();
  await site.allow('--all');
});
afterEach(() => site.remove());

/** Signs with alice's key, or as the words say. */
const sign = (...words: readonly string[]) => site.run('sign', site.list, '--store', site.store, ...words);
const withKey = (name: string, ...words: readonly string[]) => sign('--key', site.key(name).key, ...words);

/** That this is wrong usage, said in this sentence, and that nothing was approved. */
async function refused(words: readonly string[], problem: string): Promise<void> {
  const { status, stdout, stderr } = await sign(...words);
  assert.deepEqual([status, stdout], [64, '']);
  assert.equal(stderr.split('\n')[0], `verify-models: ${problem} (USAGE)`);
  assert.equal(existsSync(site.approvals), false);
}

const lines = () => readFileSync(site.approvals, 'utf8').trim().split('\n');
const statementOf = (line: string) =>
  JSON.parse(Buffer.from(JSON.parse(line).dsseEnvelope.payload, 'base64').toString());

describe('sign wants to know who signs', () => {
  const who = 'sign needs either --key KEY or --keyless';
  test('by a key or an identity, not both, not neither', async () => {
    await refused([], who);
    await refused(['--key', site.key('alice').key, '--keyless'], who);
  });
  test('and needs the network for an identity', () =>
    refused(['--keyless', '--offline'], 'sign --keyless needs the network, and --offline forbids it'));
  test('and never shows the public log what a private authority certified', () =>
    refused(
      ['--keyless', '--fulcio-url', 'https://fulcio.corp.example'],
      'sign with your own --fulcio-url needs your own --rekor-url or --tsa-url beside it',
    ));
  test('and takes a public key for what it is', async () => {
    const { status, stderr } = await sign('--key', site.key('alice').pub);
    assert.equal(status, 64);
    assert.match(
      stderr,
      /^verify-models: this is a public key where a private one belongs \(KEY_IS_PUBLIC\)\n/,
    );
  });
});

describe('how long an approval is valid', () => {
  const days = () => {
    const { issued, expires } = statementOf(lines().at(-1) ?? '').predicate;
    return (Date.parse(expires) - Date.parse(issued)) / 86_400_000;
  };
  for (const [words, expected] of [
    [[], 90],
    [['--expires', '1'], 1],
    [['--expires', '30d'], 30],
    [['--expires', ' 365 '], 365],
  ] as const)
    test(`${words.join(' ') || 'when nothing is said'}: ${expected} days`, async () => {
      const { status, stderr } = await withKey('alice', ...words);
      assert.equal(status, 0, stderr);
      assert.equal(days(), expected);
    });
  for (const word of ['0', '-1', '1.5', '1h', '', '99999', '1e2', '٣'])
    test(`--expires ${JSON.stringify(word)} is refused`, async () => {
      const { status, stderr } = await withKey('alice', `--expires=${word}`);
      assert.equal(status, 64);
      assert.match(stderr, /^verify-models: --expires .* is no number of days from 1 to \d+ \(USAGE\)$/m);
    });
});

describe('a statement that others signed', () => {
  test('is joined byte for byte, so that the two count together', async () => {
    await withKey('alice');
    site.day = 3;
    const { stdout } = await withKey('bob');
    assert.match(stdout, /\nit joins the statement that others signed: they count together\n/);
    const payloads = lines().map((line) => JSON.parse(line).dsseEnvelope.payload);
    assert.equal(new Set(payloads).size, 1);
    assert.equal(payloads.length, 2);
  });

  test('is not joined in silence when it is valid for longer than was meant', async () => {
    await withKey('alice', '--expires', '300');
    const until = statementOf(lines()[0] ?? '').predicate.expires.slice(0, 10);
    const { status, stderr } = await withKey('bob');
    assert.equal(status, 64);
    const problem = `these bytes have an approval until ${until}, longer than 90 days: sign with --expires 300 to join it, or with --renew`;
    assert.equal(stderr.split('\n')[0], `verify-models: ${problem} (USAGE)`);
    assert.equal((await withKey('bob', '--expires', '300')).status, 0);
    assert.equal(lines().length, 2);
  });

  test('has its own terms: what was asked for is not passed over', async () => {
    await withKey('alice');
    for (const flag of [['--expires', '200'], ['--subjects']]) {
      const { status, stderr } = await withKey('bob', ...flag);
      assert.equal(status, 64);
      assert.match(
        stderr,
        new RegExp(`already: sign without ${flag[0]} to join, or with --renew \\(USAGE\\)`),
      );
    }
    assert.equal(lines().length, 1);
  });

  test('is left by --renew, and the older one stays', async () => {
    await withKey('alice', '--expires', '300');
    const { stdout } = await withKey('bob', '--renew');
    assert.match(stdout, /\n1 approval of another statement stay/);
    assert.equal(new Set(lines().map((line) => statementOf(line).predicate.expires)).size, 2);
  });
});

describe('the exact bytes for another signer', () => {
  test('are printed and nothing else, and nothing is written', async () => {
    const { status, stdout, stderr } = await sign('--statement-only');
    assert.deepEqual([status, stderr, existsSync(site.approvals)], [0, '', false]);
    const statement = JSON.parse(stdout);
    assert.equal(statement._type, 'https://in-toto.io/Statement/v1');
    assert.equal(statement.predicateType, 'urn:verify-models:allow-list:v1');
    assert.deepEqual(Object.keys(statement.predicate), [
      'listId',
      'version',
      'issued',
      'expires',
      'trustVersion',
      'size',
    ]);
  });

  test('are those of the statement that others signed', async () => {
    await withKey('alice');
    const payload = Buffer.from(JSON.parse(lines()[0] ?? '').dsseEnvelope.payload, 'base64').toString();
    site.day = 2;
    assert.equal((await sign('--statement-only')).stdout, payload);
  });
});

describe('approvals that lie there', () => {
  test('of other bytes fall away, and that is said', async () => {
    await withKey('alice');
    site.scratch.addModel('registry.ollama.ai/library/second:latest');
    await site.allow('--all');
    const { stdout } = await withKey('alice');
    assert.match(stdout, /\n1 approval of other bytes dropped\n/);
    assert.equal(lines().length, 1);
  });

  test('that are no approvals do not stop a signer', async () => {
    writeFileSync(site.approvals, 'no bundle\n{}\n\n');
    assert.equal((await withKey('alice')).status, 0);
    assert.equal(lines().length, 1);
  });

  test('by the same key are not made twice', async () => {
    await withKey('alice');
    const { status, stderr } = await withKey('alice');
    assert.equal(status, 64);
    assert.match(
      stderr,
      /has approved these bytes already \(ALREADY_APPROVED\)\nnext: verify-models sign --renew/,
    );
    assert.equal(lines().length, 1);
  });
});
