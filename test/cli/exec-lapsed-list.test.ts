import assert from 'node:assert/strict';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { FakeIo } from '../fixtures/fake-io.ts';
import { bareEnvironment, runMainWith } from '../fixtures/run-main.ts';
import { SealedSite } from '../fixtures/sealed-site.ts';

const day = 86_400_000;

/** Time passes while the store is checked: after the list was judged, before a byte is hashed. */
class SlowIo extends FakeIo {
  #lasts: number;

  constructor(lasts: number) {
    super({ environment: { ...bareEnvironment, PATH: process.env.PATH } });
    this.#lasts = lasts;
  }

  override readonly host = () => {
    this.jump(this.#lasts);
    this.#lasts = 0;
    return this.hostFacts;
  };
}

suite('exec, by a list that expires', () => {
  let site: SealedSite;
  beforeEach(async () => {
    site = new SealedSite();
    site.scratch.addModel();
    await site.approve('--expires', '1');
  });
  afterEach(() => site.remove());

  async function exec(lasts: number) {
    const io = new SlowIo(lasts);
    io.pass(site.day * day);
    io.hostFacts = site.host;
    const list = ['--allow-list', site.list, '--key', site.key('alice').pub, '--jobs', '1'];
    const run = await runMainWith(io, ['exec', ...site.where, ...list, '--', 'true']);
    return { ...run, started: io.replaced !== undefined };
  }

  test('starts nothing where it expires while the store is checked', async () => {
    const { status, stderr, started } = await exec(day);
    assert.deepEqual([status, started], [2, false]);
    assert.match(
      stderr,
      /the allow-list is not accepted: it was, until the store had been checked; .*expired on/,
    );
    assert.match(stderr, /\(LIST_NOT_ACCEPTED\)/);
  });

  test('starts the command where it expires a moment later', async () => {
    const { status, stderr, started } = await exec(day - 1);
    assert.deepEqual([status, started], [0, true], stderr);
  });
});
