import assert from 'node:assert/strict';
import { failing, verdicts } from '../fixtures/signed-site.ts';
import type { ClientKind, FarClient } from './clients.ts';
import { type ConnectedSide, signers } from './connected-side.ts';
import { FarSide } from './far-side.ts';
import { Island } from './island.ts';

/** A side behind a gap with a client there, and the connected one. Nothing but files of the medium gets across. */
export class GapSite implements AsyncDisposable {
  readonly connected: ConnectedSide;
  readonly island: Island;
  readonly far: FarSide;
  readonly client: FarClient;

  private constructor(connected: ConnectedSide, island: Island, client: FarClient) {
    this.connected = connected;
    this.island = island;
    this.far = new FarSide(island, connected.trust);
    this.client = client;
  }

  /** Proves first that there is a gap. */
  static async start(kind: ClientKind, connected: ConnectedSide): Promise<GapSite> {
    const island = await Island.make();
    await island.assertAlone(connected.address);
    return new GapSite(connected, island, await kind.start(island));
  }

  /** A check over there is green for these models, by the very list and the very signers that count here. */
  async assertGreen(...models: readonly string[]): Promise<void> {
    const report = await this.far.check(this.client.store);
    assert.deepEqual([report.status, failing(report), report.partial], [0, [], false]);
    assert.deepEqual(verdicts(report), Object.fromEntries(models.map((name) => [name, 'ok'])));
    const approval = await this.connected.approval();
    assert.deepEqual(approval?.signers, signers);
    assert.deepEqual(report.allowList, approval);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.far[Symbol.asyncDispose]();
    await this.island[Symbol.asyncDispose]();
  }
}
