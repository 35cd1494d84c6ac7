import { statfsSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';

/** From linux/magic.h, those that a models directory is likely to lie on. */
const fileSystems: Readonly<Record<number, string>> = {
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  801189825: 'zfs',
  16914836: 'tmpfs',
  2035054128: 'overlayfs',
  26985: 'nfs',
};

/** What was measured on, in one line. */
export function describeMachine(folder: string): string {
  const { type: magic } = statfsSync(folder);
  const fileSystem = fileSystems[magic] ?? `file system 0x${magic.toString(16)}`;
  const cores = availableParallelism();
  const memory = (totalmem() / 2 ** 30).toFixed(0);
  const model = cpus()[0]?.model ?? 'unknown processor';
  return `Machine: ${model}, ${cores} cores, ${memory} GiB, ${type()} ${release()}, ${fileSystem}, Node.js ${process.versions.node}.`;
}
