import type { VolumeHeader } from './volume.ts';

/** One file on a medium, open for reading. */
export interface MediumFile {
  readonly path: string;
  readonly fd: number;
  readonly size: number;
}

/** One that is a volume, and what its head says. */
export interface VolumeFile extends MediumFile {
  readonly header: VolumeHeader;
}
