import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type ProgramRun, runProgramFile } from '../fixtures/run-program.ts';
import { addSampleModel } from '../fixtures/sample-store.ts';
import { policyCase } from './approval-case.ts';
import { identityTokenOf } from './identity-token.ts';
import { alice, KeylessSite } from './keyless-site.ts';

describe('the program, and a signer without a key', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-'));
  const [store, list, trust] = ['store', 'allow-list.json', 'trust.json'].map((name) => join(folder, name));
  let site: KeylessSite;
  before(async () => {
    site = await KeylessSite.start();
    addSampleModel(store ?? '');
    const { root, trustedRoot: pinned } = site;
    const policy = policyCase({ identities: [{ name: 'alice', ...alice }], threshold: 1, pinned, root });
    writeFileSync(join(folder, 'trust.json'), policy.bytes);
    writeFileSync(join(folder, 'trust.json.sigstore.jsonl'), policy.approvals);
    writeFileSync(join(folder, 'trusted_root.json'), pinned);
  });
  after(async () => {
    await site.sigstore.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (words: readonly (string | undefined)[], token?: string): Promise<ProgramRun> =>
    runProgramFile(
      words.map((word) => word ?? ''),
      {
        environment: { no_proxy: '127.0.0.1', ...(token === undefined ? {} : { SIGSTORE_ID_TOKEN: token }) },
      },
    );

  const sign = (san: string): Promise<ProgramRun> => {
    const { url } = site.sigstore;
    const services = ['--fulcio-url', url, '--rekor-url', url, '--tsa-url', url];
    const words = ['sign', list, '--keyless', ...services, '--trust', trust, '--store', store];
    return run(words, identityTokenOf({ iss: alice.issuer, sub: san }));
  };

  const check = (): Promise<ProgramRun> =>
    run([
      ...['check', '--json', '--store', store, '--allow-list', list, '--trust', trust],
      ...['--state', join(folder, 'state')],
    ]);

  test('signs a list that a check then accepts, under the pinned trusted root', async () => {
    const listed = await run([
      'allow',
      '--all',
      '--store',
      store,
      '--allow-list',
      list,
      '--list-id',
      'example.com/models',
    ]);
    assert.equal(listed.status, 0, listed.stderr);
    const stranger = await sign('mallory@example.com');
    assert.equal(stranger.status, 0, stranger.stderr);
    const refused = await check();
    assert.equal(refused.status, 2, refused.stderr);
    const signed = await sign(alice.san);
    assert.equal(signed.status, 0, signed.stderr);
    const accepted = await check();
    assert.equal(accepted.status, 0, accepted.stderr);
    const report = JSON.parse(accepted.stdout) as { allowList: { signers: string[] } };
    assert.deepEqual(report.allowList.signers, ['alice']);
  });
});
