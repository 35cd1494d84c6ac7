import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { shellWord } from '../../src/findings/index.ts';
import { addSampleModel, type SampleModel } from '../fixtures/sample-store.ts';
import { RegistryStandIn } from './registry-stand-in.ts';
import type { PullingClient } from './repair-scenario.ts';
import { type Ran, runProgram } from './run-program.ts';

const program = fileURLToPath(new URL('./client-stand-in.ts', import.meta.url));

/** The stand-in of the client under the name `ollama`, before the stand-in of the registry. */
export class StandInSite implements PullingClient {
  readonly store: string;
  readonly registry: RegistryStandIn;
  readonly published: SampleModel;
  readonly #folder: string;

  private constructor(folder: string, registry: RegistryStandIn) {
    this.#folder = folder;
    this.store = join(folder, "o'llama models");
    this.registry = registry;
    this.published = addSampleModel(join(folder, 'published'));
    registry.publish(join(folder, 'published'), this.published.name);
  }

  static async start(): Promise<StandInSite> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'vm-')));
    mkdirSync(join(folder, 'bin'));
    const words = [process.execPath, '--no-warnings', program].map(shellWord).join(' ');
    writeFileSync(join(folder, 'bin', 'ollama'), `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
    return new StandInSite(folder, await RegistryStandIn.start());
  }

  type(command: string): Promise<Ran> {
    const env = {
      PATH: `${join(this.#folder, 'bin')}:${process.env.PATH}`,
      OLLAMA_MODELS: this.store,
      STAND_IN_REGISTRY: `http://127.0.0.1:${this.registry.port}`,
    };
    return runProgram('sh', ['-c', command], { env, cwd: this.#folder });
  }

  async stop(): Promise<void> {
    await this.registry.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
