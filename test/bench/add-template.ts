import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CatalogRecords, digestOf } from '../../src/admission/index.ts';
import { Catalog } from '../../src/catalog/index.ts';
import { digestHex, parseModelName } from '../../src/oci/index.ts';

/** Gives the model of a mirror a template, as a new version of it upstream would have one. */
export async function addTemplate(data: string): Promise<void> {
  const now = () => new Date();
  const catalog = await Catalog.open(join(data, 'catalog.sqlite'), now);
  try {
    const name = parseModelName('tiny');
    const before = await catalog.find(name);
    if (before === undefined) throw new Error('there is no model');
    const template = Buffer.from('{{ .System }} {{ .Prompt }}');
    const digest = digestOf(template);
    const layer = { mediaType: 'application/vnd.ollama.image.template', digest, size: template.length };
    const manifest = JSON.parse(before.bytes.toString());
    manifest.layers.push(layer);
    const bytes = Buffer.from(JSON.stringify(manifest));
    const place = join(data, 'blobs', 'sha256', digestHex(digest).slice(0, 2), digestHex(digest));
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, template);
    const blobs = [manifest.config, ...manifest.layers];
    await new CatalogRecords(catalog, now).admit({
      ...{ name, digest: digestOf(bytes), mediaType: before.mediaType, bytes, blobs, source: 'bench' },
      ...{ listDigest: undefined, listVersion: undefined },
    });
  } finally {
    await catalog.close();
  }
}
