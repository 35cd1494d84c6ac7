import { shortDigest } from '../../src/oci/index.ts';
import { shownSize } from '../../src/report/index.ts';
import { unnamedBlobs } from '../../src/upkeep/index.ts';
import type { Io } from '../terminal/index.ts';
import { refuseJson, settingsOf, type TypedFlags } from './mirror-settings.ts';
import { openMirror } from './open-mirror.ts';

/** `model-mirror gc`: shows the blobs that no admitted model names, and removes them with `--yes`. */
export async function runGc(flags: TypedFlags, io: Io): Promise<number> {
  const settings = settingsOf(flags, io);
  refuseJson(settings, 'gc');
  const mirror = await openMirror(settings, flags, io);
  const { catalog, blobs, records } = mirror;
  let count = 0;
  let bytes = 0;
  try {
    const effects = {
      named: (digest: Parameters<typeof catalog.namesBlob>[0]) => catalog.namesBlob(digest),
      now: io.now(),
    };
    for await (const { digest, size } of unnamedBlobs(blobs, effects)) {
      if (io.interrupted.aborted) return Number(io.interrupted.reason);
      if (flags.yes === true) {
        // Asked once more, with the catalog held: a model may have been admitted since.
        const forgotten = await catalog.change((change) => change.forgetBlob(digest));
        if (!forgotten) continue;
        await blobs.remove(digest);
        await records.note({ kind: 'removed', blob: digest, bytes: size });
      }
      count += 1;
      bytes += size;
      if (settings.quiet !== true)
        await io.stdout.write(
          `${flags.yes === true ? 'removed' : 'unnamed'}  ${shortDigest(digest)}   ${shownSize(size)}\n`,
        );
    }
    const what = `${count} blobs, ${shownSize(bytes)}`;
    const next = flags.yes === true || count === 0 ? 'model-mirror status' : 'model-mirror gc --yes';
    await io.stdout.write(
      flags.yes === true
        ? `removed ${what}\nnext: ${next}\n`
        : `no model names ${what}; nothing was removed\nnext: ${next}\n`,
    );
    return 0;
  } finally {
    await mirror.close();
  }
}
