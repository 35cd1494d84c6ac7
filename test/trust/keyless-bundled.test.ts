import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { parseBundle } from '../../src/trust/index.ts';
import { readSource, top } from '../house/sources.ts';
import { identityTokenOf } from '../interop/identity-token.ts';
import { alice } from '../interop/keyless-site.ts';
import { type SigstoreStandIn, startSigstore } from '../interop/sigstore-stand-in.ts';

/** Signs in a process of its own, with the bundled source, and prints the line or the error. */
const program = `
const { signKeyless } = require('./keyless-signer.cjs');
const [identityToken, url] = process.argv.slice(2);
signKeyless(Buffer.from('{}'), { identityToken, fulcioUrl: url, rekorUrl: url, tsaUrl: url }).then(
  (line) => console.log(line),
  (error) => console.log(error.code, error.message),
);
`;

describe('signing without a key, in the bundle that is installed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-'));
  let sigstore: SigstoreStandIn;
  before(async () => {
    sigstore = await startSigstore();
    const { scripts } = JSON.parse(readSource('package.json')) as { scripts: { build: string } };
    // The words of the real build, with another source and another place.
    const command = scripts.build
      .replace(/(?:cli|src)\/\S+\.ts .*?(?=--bundle)/, 'src/trust/keyless-signer.ts ')
      .replace('--outdir=dist', `--outdir=${folder}`);
    const bin = join(top, 'node_modules', '.bin');
    const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` };
    execFileSync('sh', ['-c', command], { cwd: top, env, stdio: 'inherit' });
    writeFileSync(join(folder, 'sign.cjs'), program);
  });
  after(async () => {
    await sigstore.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function run(): Promise<string> {
    const token = identityTokenOf({ iss: alice.issuer, sub: alice.san });
    const words = [join(folder, 'sign.cjs'), token, sigstore.url];
    const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: folder });
    return stdout.trim();
  }

  test('it holds the way to the library, and not the library', () => {
    const bundle = readFileSync(join(folder, 'keyless-signer.cjs'), 'utf8');
    assert.match(bundle, /import\("@sigstore\/sign"\)/);
    assert.ok(!bundle.includes('node_modules/@sigstore/sign/'));
    assert.ok(!bundle.includes('make-fetch-happen'));
  });

  test('where the library is not installed beside it, the error says so', async () => {
    assert.equal(
      await run(),
      'SIGNING_SERVICE cannot sign without a key: the package @sigstore/sign is not installed beside this program',
    );
    assert.deepEqual(sigstore.requests, []);
  });

  test('where the library is installed, it signs', async () => {
    symlinkSync(join(top, 'node_modules'), join(folder, 'node_modules'));
    const parsed = parseBundle(Buffer.from(await run()));
    assert.ok('bundle' in parsed);
    assert.equal(parsed.bundle.material.kind, 'certificate');
  });
});
