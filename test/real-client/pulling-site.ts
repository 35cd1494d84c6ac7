import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addSampleModel, type SampleModel } from '../fixtures/sample-store.ts';
import { makeCertificate } from './certificate.ts';
import { type ConnectProxy, startConnectProxy } from './connect-proxy.ts';
import { OllamaServer } from './ollama-server.ts';
import { RegistryStandIn } from './registry-stand-in.ts';
import type { PullingClient } from './repair-scenario.ts';
import type { Ran } from './run-program.ts';

const host = 'registry.ollama.ai';

/**
 * The real client, and behind its HTTPS_PROXY a stand-in for the official library: `ollama pull sample` works as it
 * does anywhere, under the default name, and nothing leaves this machine.
 */
export class PullingSite implements PullingClient {
  readonly server: OllamaServer;
  readonly registry: RegistryStandIn;
  readonly published: SampleModel;
  readonly #proxy: ConnectProxy;
  readonly #folder: string;

  private constructor(server: OllamaServer, registry: RegistryStandIn, proxy: ConnectProxy, folder: string) {
    this.server = server;
    this.registry = registry;
    this.#proxy = proxy;
    this.#folder = folder;
    this.published = addSampleModel(join(folder, 'published'));
    registry.publish(join(folder, 'published'), this.published.name);
  }

  static async start(program: string): Promise<PullingSite> {
    const folder = mkdtempSync(join(tmpdir(), 'vm-'));
    const certificate = makeCertificate(folder, host);
    const registry = await RegistryStandIn.start(certificate);
    const proxy = await startConnectProxy(host, registry.port);
    const server = await OllamaServer.start(program, {
      SSL_CERT_FILE: certificate.certFile,
      HTTPS_PROXY: proxy.url,
    });
    return new PullingSite(server, registry, proxy, folder);
  }

  get store(): string {
    return this.server.store;
  }

  type(command: string): Promise<Ran> {
    return this.server.type(command);
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await this.#proxy.close();
    await this.registry.close();
    rmSync(this.#folder, { recursive: true, force: true });
    assert.deepEqual(this.#proxy.refused, [], 'Ollama asked for another host');
  }
}
