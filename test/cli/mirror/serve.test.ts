import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Catalog } from '../../../src/catalog/index.ts';
import { MirrorCommands } from '../../fixtures/mirror-command.ts';
import { patternedBytes } from '../../fixtures/patterned-bytes.ts';
import { agents, ask } from '../../fixtures/raw-http.ts';
import { sampleLayers } from '../../fixtures/sample-store.ts';
import { publishFrom, ServedMirror } from '../../fixtures/served-mirror.ts';
import { SignedSite } from '../../fixtures/signed-site.ts';
import { until } from '../../fixtures/until.ts';
import { blobNames } from '../../fixtures/whole-blobs.ts';
import { hasOpenssl, makeCertificate } from '../../real-client/certificate.ts';

const sample = 'registry.ollama.ai/library/sample:latest';
const manifestPath = '/v2/library/sample/manifests/latest';

describe('model-mirror serve', () => {
  let site: SignedSite;
  let place: MirrorCommands;
  beforeEach(async () => {
    site = new SignedSite();
    place = await MirrorCommands.start();
    site.scratch.addModel();
    publishFrom(place.library, site.store, sample);
  });
  afterEach(async () => {
    site.remove();
    await place[Symbol.asyncDispose]();
  });

  const start = (...words: string[]) => ServedMirror.start(...place.places, ...words);
  const get = (
    { host }: ServedMirror,
    path: string,
    headers: Readonly<Record<string, string>> = agents.ollama,
  ) => ask(Number(host.split(':')[1]), path, headers);

  test('says where it serves, by what, and what to type on a client', async () => {
    await using mirror = await start();
    assert.equal(
      mirror.io.stdout.text,
      [
        `serving on http://${mirror.host}`,
        `data     ${place.data}`,
        'policy   observe (no allow-list)',
        'type on a client:',
        `  ollama pull --insecure ${mirror.host}/library/llama3.2`,
        `  ollama cp ${mirror.host}/library/llama3.2 llama3.2`,
        '',
      ].join('\n'),
    );
    assert.equal((await get(mirror, manifestPath)).status, 200);
  });

  test('a signal ends it with 0, and what it admitted is there the next time', async () => {
    const first = await start();
    assert.equal((await get(first, manifestPath, agents.ranges)).status, 200);
    assert.equal(await first.stop(), 0);
    await place.library.close();
    await using second = await start();
    assert.equal((await get(second, manifestPath)).status, 200);
  });

  test('only this machine is served, unless somebody says that strangers may be', async () => {
    for (const address of ['0.0.0.0:0', '[::]:0', '192.0.2.1:443']) {
      const { status, stderr } = await place.run(['serve', '--listen', address]);
      assert.equal(status, 64);
      assert.match(stderr, /can be reached from other machines.*--anonymous serves them all the same/);
    }
    await using mirror = await ServedMirror.start(...place.places, '--listen', '0.0.0.0:0', '--anonymous');
    assert.match(mirror.io.stdout.text, /^serving on http:\/\/0\.0\.0\.0:\d+\n/);
  });

  test('a port that is taken, half of a certificate, and a list without a key are said at once', async () => {
    await using mirror = await start();
    const taken = await place.run(['serve', '--listen', mirror.host]);
    assert.equal(taken.status, 4);
    assert.match(taken.stderr, /LISTEN_FAILED/);
    assert.equal((await place.run(['serve', '--tls-cert', 'cert.pem'])).status, 64);
    assert.equal((await place.run(['serve', '--allow-list', site.list])).status, 64);
    assert.equal((await place.run(['serve', '--key', 'x.pub'])).status, 64);
  });

  test('health and metrics have a port of their own', async () => {
    const admin = await start('--admin-listen', '127.0.0.1:0');
    await until(() => admin.io.stdout.text.includes('health and metrics on'));
    const port = Number(
      /health and metrics on http:\/\/127\.0\.0\.1:(\d+)\n/.exec(admin.io.stdout.text)?.[1],
    );
    await get(admin, manifestPath);
    const page = (path: string) =>
      ask(port, path).then(({ status, body }) => [status, body.toString()] as const);
    assert.deepEqual(await page('/healthz'), [200, 'ok\n']);
    assert.deepEqual(await page('/readyz'), [200, 'ok\n']);
    const [status, text] = await page('/metrics');
    assert.equal(status, 200);
    assert.match(text, /^model_mirror_requests_total\{kind="manifest",status="2xx"\} 1$/m);
    for (const path of ['/metrics', '/healthz']) assert.equal((await get(admin, path)).status, 404);
    await admin.stop();
  });

  test('over TLS, with a certificate for the name that clients type', {
    skip: hasOpenssl() ? false : 'needs openssl',
  }, async () => {
    const { certFile, cert } = makeCertificate(site.scratch.folder, 'mirror.example');
    const key = certFile.replace(/cert\.pem$/, 'key.pem');
    await using mirror = await start('--tls-cert', certFile, '--tls-key', key);
    assert.match(
      mirror.io.stdout.text,
      /^serving on https:\/\/127\.0\.0\.1:\d+\n[\s\S]*\n {2}ollama pull 127\.0\.0\.1:\d+\/library\/llama3\.2\n/,
    );
    const status = await new Promise((resolve, reject) => {
      const [host, port] = mirror.host.split(':');
      request(
        { host, port, path: manifestPath, ca: cert, servername: 'mirror.example', agent: false },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        },
      )
        .on('error', reject)
        .end();
    });
    assert.equal(status, 200);
  });

  describe('with an allow-list', () => {
    const byList = () => [
      '--allow-list',
      site.list,
      '--key',
      site.key('alice').pub,
      '--contact',
      'models@corp.example',
    ];

    test('what is listed comes; what is not is refused in a sentence, with whom to ask and a number', async () => {
      await site.approve();
      await using mirror = await start(...byList());
      assert.match(mirror.io.stdout.text, /\npolicy {3}enforce \(allow-list models version 1\)\n/);
      assert.equal((await get(mirror, manifestPath)).status, 200);
      const { status, body } = await get(mirror, '/v2/library/other/manifests/latest');
      assert.equal(status, 403);
      assert.match(
        body.toString(),
        /^other:latest is not on the allow-list models version 1; ask models@corp\.example \(request [0-9a-f]{8}\)$/,
      );
    });

    test('a newer list comes into force by itself, and one that nobody signed does not replace it', async () => {
      await site.approve();
      await using mirror = await start(...byList());
      const other = '/v2/library/other/manifests/latest';
      assert.equal((await get(mirror, other)).status, 403);
      site.scratch.addModel('registry.ollama.ai/library/other:latest', sampleLayers('Another.\n'));
      publishFrom(place.library, site.store, 'registry.ollama.ai/library/other:latest');
      await site.approve();
      mirror.io.pass(5000);
      await until(async () => (await get(mirror, other, agents.ranges)).status === 200);
      writeFileSync(site.list, `${readFileSync(site.list, 'utf8')} `);
      mirror.io.pass(5000);
      await until(() => mirror.io.stderr.text.includes('a list that is not accepted'));
      assert.equal((await get(mirror, other)).status, 200);
      await mirror.stop();
      const catalog = await Catalog.open(`${place.data}/catalog.sqlite`, () => new Date());
      const kinds = (await catalog.audit(0, 100)).map(
        ({ event }) => (JSON.parse(event) as { kind: string }).kind,
      );
      await catalog.close();
      assert.equal(kinds[0], 'list-accepted');
      assert.equal(kinds.filter((kind) => kind === 'list-accepted').length, 2);
      assert.ok(kinds.includes('refused') && kinds.includes('admitted'));
    });

    test('that is not acceptable nothing is served, it is not ready, and it says why', async () => {
      await site.approve();
      rmSync(site.approvals);
      await using mirror = await start(...byList());
      assert.match(
        mirror.io.stdout.text,
        /enforce \(allow-list not accepted: nobody has approved the allow-list\)/,
      );
      const { status, body } = await get(mirror, manifestPath);
      assert.equal(status, 403);
      assert.match(
        body.toString(),
        /^the allow-list of this mirror is not accepted \(nobody has approved the allow-list\), so nothing is served; ask models@/,
      );
      assert.deepEqual(place.library.requests, []);
    });
  });

  test('another upstream is chosen by the Host header', async () => {
    const other = await MirrorCommands.start();
    try {
      other.library.publish('someone/model', 'q4', Buffer.from('{}'), []);
      const url = other.library.url.href.replace(/\/$/, '');
      await using mirror = await start('--upstream', `hf.mirror.example=${url}`);
      const path = '/v2/someone/model/manifests/q4';
      await get(mirror, path);
      assert.deepEqual(other.library.requests, []);
      await ask(Number(mirror.host.split(':')[1]), path, { ...agents.ollama, host: 'hf.mirror.example' });
      assert.deepEqual(
        other.library.requests.map(({ url: asked }) => asked),
        [path],
      );
    } finally {
      await other[Symbol.asyncDispose]();
    }
  });

  test('without room the client hears a sentence, nothing is visible, and with room the same request succeeds', async () => {
    const large = Buffer.from(patternedBytes(300_000));
    site.scratch.addModel(sample, [{ kind: 'model', bytes: large }]);
    publishFrom(place.library, site.store, sample);
    const full = await start('--max-data', '100kB');
    const { status, body } = await get(full, manifestPath, agents.ranges);
    assert.equal(status, 503);
    assert.match(
      body.toString(),
      /sample:latest cannot be had from upstream now: the mirror has no room for 300000 bytes: /,
    );
    assert.equal(await full.stop(), 0);
    assert.deepEqual(blobNames(place.data).length, 0);
    await using roomy = await start();
    assert.equal((await get(roomy, manifestPath, agents.ranges)).status, 200);
  });
});
