/**
 * `ollama pull MODEL` as the real client was recorded to do it, for machines that have no Ollama: manifest; then for
 * each layer and the config HEAD, probe and ranged GET; whatever lies under the name of a blob, in any size and with
 * any content, is taken for the blob and not looked at; only what was downloaded is hashed; the manifest is written
 * last, as it came. Layers that no manifest names any more are left where they are: the real client removes them.
 *
 * OLLAMA_MODELS is the store and STAND_IN_REGISTRY the address of the registry. Where the real client is at hand, a
 * test holds the two against each other: the same requests, the same files, the same exit status.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { dirname, join } from 'node:path';

interface Descriptor {
  readonly digest: string;
}

interface Manifest {
  readonly layers: readonly Descriptor[] | null;
  readonly config: Descriptor;
}

const { OLLAMA_MODELS: store = '', STAND_IN_REGISTRY: registry = '' } = process.env;
const agent = { 'User-Agent': 'ollama/0.0.0 (stand-in)', 'Accept-Encoding': 'gzip' };

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** One request of its own connection; the answer once its headers are there. */
function ask(method: string, path: string, headers: OutgoingHttpHeaders): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(new URL(path, registry), { method, headers, agent: false })
      .on('response', resolve)
      .on('error', reject)
      .end();
  });
}

async function bodyOf(answer: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part);
  return Buffer.concat(parts);
}

/** `host/namespace/model/tag`, with the defaults filled in. */
function partsOf(name: string): { host: string; path: string; tag: string } {
  const [, before = '', tag = 'latest'] = /^(.*?)(?::([^:/]+))?$/.exec(name) ?? [];
  const parts = before.split('/');
  const model = parts.pop() ?? '';
  const namespace = parts.pop() ?? 'library';
  return { host: parts.pop() ?? 'registry.ollama.ai', path: `${namespace}/${model}`, tag };
}

const fileOf = (digest: string): string => join(store, 'blobs', digest.replace(':', '-'));

/** False when something was there already. */
async function download(path: string, digest: string): Promise<boolean> {
  const file = fileOf(digest);
  if (existsSync(file)) return false;
  const url = `/v2/${path}/blobs/${digest}`;
  const head = await ask('HEAD', url, agent);
  head.resume();
  const size = Number(head.headers['content-length'] ?? 0);
  const probe = await ask('GET', url, agent);
  const { location } = probe.headers;
  probe.destroy();
  if (probe.statusCode !== 200 || location === undefined) {
    throw new Error('http: no Location header in response');
  }
  // The part is asked for where the probe pointed, without a word of who is asking, and its status is not looked at.
  const bytes =
    size === 0
      ? Buffer.alloc(0)
      : await bodyOf(
          await ask('GET', location, { 'User-Agent': 'Go-http-client/1.1', Range: `bytes=0-${size - 1}` }),
        );
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}-partial`, bytes);
  renameSync(`${file}-partial`, file);
  return true;
}

function verify(digest: string): void {
  const actual = `sha256:${createHash('sha256')
    .update(readFileSync(fileOf(digest)))
    .digest('hex')}`;
  if (actual === digest) return;
  rmSync(fileOf(digest));
  throw new Error(`digest mismatch, file must be downloaded again: want ${digest}, got ${actual}`);
}

async function pull(name: string): Promise<void> {
  const { host, path, tag } = partsOf(name);
  say('pulling manifest');
  const answer = await ask('GET', `/v2/${path}/manifests/${tag}`, {
    ...agent,
    Accept: 'application/vnd.docker.distribution.manifest.v2+json',
  });
  const bytes = await bodyOf(answer);
  if (answer.statusCode === 404) throw new Error('pull model manifest: file does not exist');
  if ((answer.statusCode ?? 0) >= 400)
    throw new Error(`pull model manifest: ${answer.statusCode}: ${bytes.toString()}`);
  const { layers, config }: Manifest = JSON.parse(bytes.toString());
  const downloaded: string[] = [];
  for (const { digest } of [...(layers ?? []), config]) {
    if (await download(path, digest)) downloaded.push(digest);
  }
  say('verifying sha256 digest');
  for (const digest of downloaded) verify(digest);
  say('writing manifest');
  const file = join(store, 'manifests', host, path, tag);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  say('success');
}

const [command, name] = process.argv.slice(2);
if (command !== 'pull' || name === undefined) throw new Error('the stand-in knows only: pull MODEL');
try {
  await pull(name);
} catch (error) {
  say(`Error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
