/**
 * Every way by which a trust policy can reach a host, as a state machine: what the host has, what is offered, and how it
 * comes. The rule is short: a person who puts a file in its place is believed once; nothing else is ever believed that
 * does not follow from what the host has.
 */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bytesOf } from '../fixtures/archive-bytes.ts';
import type { ArchiveSite } from '../fixtures/archive-site.ts';
import {
  forgedSecond,
  type OfferName,
  offeringSite,
  offerNames,
  offers,
  policyFiles,
} from '../fixtures/policy-offers.ts';
import { emptySettings, type MainRun, newIo, runMain } from '../fixtures/run-main.ts';
import { inMemory } from '../fixtures/scratch-store.ts';
import { mirrorCommand, ServedMirror } from '../fixtures/served-mirror.ts';

const hostStates = ['nothing', 'policy', 'memory', 'both', 'disagreeing'] as const;
type HostState = (typeof hostStates)[number];

const ways = ['file', 'mirror', 'archive', 'import', 'inspect'] as const;
type Way = (typeof ways)[number];

/** The rule of this test, written down once more and apart from the code: the version in force, or a refusal. */
function expected(has: HostState, offered: OfferName, way: Way): number | 'refused' {
  const version = { older: 1, same: 2, next: 3, jump: 4, 'other id': 3, 'other root': 3, expired: 3 }[
    offered
  ];
  if (offered === 'expired') return 'refused';
  const remembers = has === 'memory' || has === 'both' || has === 'disagreeing';
  if (way === 'file') {
    if (!remembers) return version;
    return offered === 'same' || offered === 'next' ? version : 'refused';
  }
  if (has !== 'policy' && has !== 'both') return 'refused';
  if (offered === 'older') return 2;
  return offered === 'same' || offered === 'next' ? version : 'refused';
}

/** A host, and the files by which it judges. */
class Host implements Disposable {
  readonly folder = mkdtempSync(join(inMemory(), 'vm-'));
  readonly store = join(this.folder, 'models');
  readonly list = join(this.folder, 'list', 'allow-list.json');
  readonly trust = join(this.folder, 'list', 'trust.json');
  readonly data = join(this.folder, 'data');
  readonly state = join(this.folder, 'state');
  /** That of the mirror on this host; both remember alike. */
  readonly mirrorState = join(this.data, 'state');

  static async make(has: HostState, sound: ArchiveSite): Promise<Host> {
    const host = new Host();
    mkdirSync(join(host.store, 'blobs'), { recursive: true });
    mkdirSync(join(host.store, 'manifests'));
    mkdirSync(dirname(host.list));
    if (has === 'nothing') return host;
    host.put(sound.files);
    if (has !== 'policy') {
      for (const state of [host.state, host.mirrorState]) {
        mkdirSync(dirname(state), { recursive: true, mode: 0o700 });
        assert.equal((await host.check(state)).status, 0);
      }
    }
    rmSync(host.list);
    rmSync(`${host.list}.sigstore.jsonl`);
    if (has === 'memory') rmSync(host.trust);
    if (has === 'disagreeing') {
      writeFileSync(host.trust, forgedSecond.bytes);
      writeFileSync(`${host.trust}.sigstore.jsonl`, forgedSecond.approvals);
    }
    return host;
  }

  /** What a person brings by hand: everything but the models. */
  put(files: ReadonlyMap<string, Buffer>): void {
    for (const [name, bytes] of files) {
      const place = join(dirname(this.list), name);
      mkdirSync(dirname(place), { recursive: true });
      writeFileSync(place, bytes);
    }
  }

  get #by(): string[] {
    return ['--allow-list', this.list, '--trust', this.trust];
  }

  check(state = this.state): Promise<MainRun> {
    return runMain(['check', '--store', this.store, '--state', state, '--jobs', '1', ...this.#by]);
  }

  fetch(url: string): Promise<MainRun> {
    return runMain(['fetch', '--from', url, '--state', this.state, ...this.#by]);
  }

  install(archive: string): Promise<MainRun> {
    const where = ['--store', this.store, '--state', this.state, '--jobs', '1'];
    return runMain(['install', archive, ...where, ...this.#by]);
  }

  async mirror(command: 'import' | 'inspect', archive: string): Promise<MainRun> {
    const io = newIo({ environment: { MODEL_MIRROR_CONFIG: emptySettings } });
    const status = await mirrorCommand([command, archive, '--data', this.data, ...this.#by], io);
    return { status, stdout: io.stdout.text, stderr: io.stderr.text, io };
  }

  /** Policies, list and what is remembered, byte for byte; the models that are served from here. */
  get everything(): string[] {
    return readdirSync(this.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .filter((path) => /\/(?:list|state|manifests|blobs)\/(?!custody)/.test(path))
      .map((path) => `${path} ${readFileSync(path, 'base64')}`)
      .sort();
  }

  get policyVersion(): number {
    return (JSON.parse(readFileSync(this.trust, 'utf8')) as { version: number }).version;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What each offer looks like on its way. */
interface Carrier {
  readonly site: ArchiveSite;
  readonly archive: string;
  readonly mirror: ServedMirror;
}

describe('a trust policy comes to a host', () => {
  const carriers = new Map<OfferName, Carrier>();
  let folder = '';

  before(async () => {
    folder = mkdtempSync(join(inMemory(), 'vm-'));
    for (const name of offerNames) {
      const site = offeringSite(offers[name]);
      const place = join(folder, name.replace(' ', '-'));
      for (const [file, bytes] of site.files) {
        mkdirSync(dirname(join(place, file)), { recursive: true });
        writeFileSync(join(place, file), bytes);
      }
      const archive = `${place}.tar`;
      const trustVersion = offers[name].policies.length;
      const plan = await site.plan({ list: { ...site.travelling, trustVersion } });
      writeFileSync(archive, await bytesOf(plan));
      const mirror = await ServedMirror.start(
        ...['--data', join(folder, `data-${name}`), '--upstream', 'http://127.0.0.1:9'],
        ...['--allow-list', join(place, 'allow-list.json'), '--trust', join(place, 'trust.json')],
      );
      carriers.set(name, { site, archive, mirror });
    }
  });
  after(async () => {
    for (const { site, mirror } of carriers.values()) {
      await mirror.stop();
      site[Symbol.dispose]();
    }
    rmSync(folder, { recursive: true, force: true });
  });

  const carrier = (name: OfferName): Carrier => {
    const found = carriers.get(name);
    assert.ok(found);
    return found;
  };

  function bring(way: Way, name: OfferName, host: Host): Promise<MainRun> {
    const { site, archive, mirror } = carrier(name);
    if (way === 'file') {
      rmSync(join(dirname(host.trust), 'trust'), { recursive: true, force: true });
      host.put(site.files);
      return host.check();
    }
    if (way === 'mirror') return host.fetch(mirror.url);
    return way === 'archive' ? host.install(archive) : host.mirror(way, archive);
  }

  for (const has of hostStates)
    for (const offered of offerNames)
      for (const way of ways) {
        const outcome = expected(has, offered, way);
        test(`the host has ${has}, offered is ${offered}, by ${way}: ${outcome}`, async () => {
          using host = await Host.make(has, carrier('same').site);
          if (way === 'file') {
            const { status, stdout } = await bring(way, offered, host);
            assert.equal(status, outcome === 'refused' ? 2 : 0, stdout);
            assert.equal(host.policyVersion, policyVersionOf(offered));
            return;
          }
          const before = host.everything;
          const { status, stdout, stderr } = await bring(way, offered, host);
          const said = `${stdout}${stderr}`;
          if (outcome === 'refused') {
            // Without a policy of its own a host says so; inspect shows an archive, and that its list is not accepted.
            if (way === 'inspect' && status === 0) assert.match(said, /not accepted|TRUST_UNREADABLE/);
            else assert.notEqual(status, 0, said);
            assert.doesNotMatch(said, /policy version \d+ taken/);
            assert.deepEqual(host.everything, before);
            return;
          }
          assert.equal(status, 0, said);
          if (way === 'inspect') {
            assert.deepEqual(host.everything, before);
            return;
          }
          assert.equal(host.policyVersion, outcome);
          assert.equal(existsSync(host.list), true);
          assert.equal((await host.check()).status, 0);
        });
      }
});

const policyVersionOf = (offered: OfferName): number => {
  const named = new Map(policyFiles(offers[offered].policies));
  return (JSON.parse((named.get('trust.json')?.bytes ?? '').toString()) as { version: number }).version;
};
