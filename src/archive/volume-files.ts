import { createHash, type Hash } from 'node:crypto';
import type { LockEffects } from '../blobs/index.ts';
import { type Digest, digestFromBytes } from '../oci/index.ts';
import { OutputFile } from './output-file.ts';
import { type VolumeHeader, volumeHead, volumeTail } from './volume.ts';

/** A volume that was written. */
export interface WrittenVolume {
  readonly number: number;
  readonly path: string;
  /** SHA-256 of the part of the archive that it carries. */
  readonly payload: Digest;
}

interface OpenVolume {
  readonly header: VolumeHeader;
  readonly file: OutputFile;
  readonly hash: Hash;
  left: number;
}

/** Where the bytes of an archive go. */
export interface ArchiveSink {
  write(bytes: Uint8Array): Promise<void>;
  finish(): Promise<void>;
  close(): Promise<void>;
  /** Whether any of these bytes of the archive are written at all; what is not is never read either. */
  wants(start: number, end: number): boolean;
}

/** The volumes of an archive, all of them or those that somebody asked for again. */
export class VolumeFiles implements ArchiveSink {
  readonly written: WrittenVolume[] = [];
  readonly #volumes: readonly VolumeHeader[];
  readonly #pathOf: (number: number) => string;
  readonly #wanted: ReadonlySet<number>;
  readonly #effects: LockEffects;
  #at = 0;
  #next = 0;
  #open: OpenVolume | undefined;

  constructor(
    volumes: readonly VolumeHeader[],
    pathOf: (number: number) => string,
    wanted: ReadonlySet<number>,
    effects: LockEffects,
  ) {
    this.#volumes = volumes;
    this.#pathOf = pathOf;
    this.#wanted = wanted;
    this.#effects = effects;
  }

  wants(start: number, end: number): boolean {
    return this.#volumes.some(
      ({ number, offset, length }) => this.#wanted.has(number) && offset < end && offset + length > start,
    );
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0; ) {
      const header = this.#volumes[this.#next];
      if (header === undefined) throw new Error('there are more bytes than were announced');
      const part = rest.subarray(0, header.offset + header.length - this.#at);
      if (this.#wanted.has(header.number)) await this.#writePart(header, part);
      this.#at += part.length;
      rest = rest.subarray(part.length);
      if (this.#at === header.offset + header.length) this.#next += 1;
    }
  }

  async finish(): Promise<void> {
    if (this.#next < this.#volumes.length) throw new Error('there are fewer bytes than were announced');
  }

  async close(): Promise<void> {
    await this.#open?.file.close();
    this.#open = undefined;
  }

  async #writePart(header: VolumeHeader, part: Uint8Array): Promise<void> {
    this.#open ??= await this.#begin(header);
    const { file, hash } = this.#open;
    hash.update(part);
    await file.write(part);
    this.#open.left -= part.length;
    if (this.#open.left > 0) return;
    const sum = hash.digest();
    await file.write(await volumeTail(header, sum));
    await file.finish();
    await file.close();
    this.#open = undefined;
    this.written.push({ number: header.number, path: file.path, payload: digestFromBytes(sum) });
  }

  async #begin(header: VolumeHeader): Promise<OpenVolume> {
    const file = OutputFile.open(this.#pathOf(header.number), this.#effects);
    await file.write(await volumeHead(header));
    return { header, file, hash: createHash('sha256'), left: header.length };
  }
}

/** The whole archive as one file. */
export class WholeFile implements ArchiveSink {
  readonly #file: OutputFile;

  constructor(path: string, effects: LockEffects) {
    this.#file = OutputFile.open(path, effects);
  }

  wants(): boolean {
    return true;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#file.write(bytes);
  }

  finish(): Promise<void> {
    return this.#file.finish();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
