import { chmodSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { OutputFile } from '../../src/archive/index.ts';
import type { LockEffects } from '../../src/blobs/index.ts';
import { describeCause, KnownError } from '../../src/errors/index.ts';
import { makeFolders } from '../../src/files/index.ts';
import { type Digest, digestHex } from '../../src/oci/index.ts';
import type { KeptFiles } from '../../src/transfer/index.ts';
import { writeBeside } from '../transfer/index.ts';

/** What came along that is neither list nor model: `received/ID/bom/NAME`, and the tool, in the data of the mirror. */
export class ReceivedFiles implements KeptFiles {
  readonly folder: string;
  readonly names: string[] = [];
  readonly #effects: LockEffects;
  #tool: OutputFile | undefined;

  constructor(data: string, archive: Digest, effects: LockEffects) {
    this.#effects = effects;
    this.folder = join(data, 'received', digestHex(archive));
  }

  async tool(part: Buffer): Promise<void> {
    if (this.#tool === undefined) {
      makeFolder(this.folder);
      this.#tool = OutputFile.open(join(this.folder, 'verify-models'), this.#effects);
    }
    await this.#tool.write(part);
  }

  bom(name: string, bytes: Buffer): void {
    const path = join(this.folder, 'bom', basename(name));
    makeFolder(dirname(path));
    writeBeside(path, bytes);
    this.names.push(path);
  }

  async finish(): Promise<void> {
    if (this.#tool === undefined) return;
    await this.#tool.finish();
    chmodSync(this.#tool.path, 0o755);
    this.names.push(this.#tool.path);
  }

  async close(): Promise<void> {
    await this.#tool?.close();
    this.#tool = undefined;
  }
}

function makeFolder(path: string): void {
  try {
    makeFolders(path, 0o700);
  } catch (error) {
    throw new KnownError('FILE_UNWRITABLE', { path, problem: describeCause(error) }, error);
  }
}
