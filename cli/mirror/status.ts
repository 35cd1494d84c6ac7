import { shortDigest } from '../../src/oci/index.ts';
import { printable, safeJson, shownSize } from '../../src/report/index.ts';
import type { Io } from '../terminal/index.ts';
import { settingsOf, type TypedFlags } from './mirror-settings.ts';
import { openMirror } from './open-mirror.ts';

/** Names of each kind that are shown. */
const shown = 20;

/** `model-mirror status`: what is here, what moved upstream, what was refused. */
export async function runStatus(flags: TypedFlags, io: Io): Promise<number> {
  const settings = settingsOf(flags, io);
  const mirror = await openMirror(settings, io);
  try {
    const { catalog, data, policy } = mirror;
    const totals = await catalog.totals();
    const moved = await catalog.movedTags(shown);
    const refusals = await catalog.refusals(shown);
    if (settings.format === 'json') {
      const document = { schema: 'urn:model-mirror:status:v1', data, policy, totals, moved, refusals };
      await io.stdout.write(`${safeJson(document)}\n`);
      return 0;
    }
    const lines = [
      `data     ${printable(data)}`,
      `models   ${totals.models}`,
      `blobs    ${totals.blobs}, ${shownSize(totals.bytes)}`,
      ...moved.map(
        ({ name, expected, found, lastAt }) =>
          `moved    ${printable(name)}   approved ${shortDigest(expected)}, upstream ${shortDigest(found)}   ${lastAt.slice(0, 10)}`,
      ),
      ...refusals.map(
        ({ sentence, served, times, lastAt }) =>
          `${served ? 'would refuse' : 'refused '} ${times} x   ${printable(sentence)}   ${lastAt.slice(0, 10)}`,
      ),
      `next: model-mirror ${totals.models === 0 ? 'sync llama3.2' : 'scrub'}`,
    ];
    await io.stdout.write(`${lines.join('\n')}\n`);
    return 0;
  } finally {
    await mirror.close();
  }
}
