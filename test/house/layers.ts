/**
 * Who may import whom: the twin of the table in the design. Layers count upwards; a folder imports only from lower
 * ones, through the other folder's index.ts, and npm packages only where they are named.
 */
export interface Room {
  readonly layer: number;
  readonly packages: readonly string[];
}

export const rooms: Readonly<Record<string, Room>> = {
  'src/errors': { layer: 0, packages: [] },
  'src/files': { layer: 1, packages: [] },
  'src/bounds': { layer: 1, packages: [] },
  'src/oci': { layer: 1, packages: ['zod'] },
  'src/findings': { layer: 1, packages: [] },
  'src/inbound': { layer: 1, packages: [] },
  'src/config': { layer: 2, packages: ['zod', 'yaml'] },
  'src/observe': { layer: 2, packages: ['pino', 'prom-client'] },
  'src/state': { layer: 2, packages: [] },
  'src/hash': { layer: 2, packages: ['p-limit'] },
  'src/gguf': { layer: 2, packages: [] },
  'src/store': { layer: 2, packages: [] },
  'src/report': { layer: 2, packages: ['diff'] },
  'src/allow-list': { layer: 3, packages: ['zod'] },
  'src/trust': {
    layer: 3,
    packages: [
      ...['zod', '@sigstore/verify', '@sigstore/bundle', '@sigstore/protobuf-specs', '@noble/ciphers'],
      // Loaded when somebody signs without a key, and never by a check.
      '@sigstore/sign',
    ],
  },
  'src/seal': { layer: 3, packages: [] },
  'src/running': { layer: 2, packages: ['zod'] },
  'src/watch': { layer: 3, packages: [] },
  'src/blobs': { layer: 3, packages: [] },
  'src/catalog': { layer: 3, packages: ['better-sqlite3', 'kysely'] },
  'src/audit': { layer: 3, packages: [] },
  'src/upstream': { layer: 3, packages: ['undici', 'p-limit'] },
  'src/verify': { layer: 4, packages: [] },
  'src/admission': { layer: 4, packages: ['p-limit'] },
  'src/upkeep': { layer: 4, packages: [] },
  'src/archive': { layer: 4, packages: ['zod', 'tar-stream'] },
  'src/installation': { layer: 4, packages: [] },
  'src/custody': { layer: 4, packages: ['zod'] },
  'src/repair': { layer: 5, packages: [] },
  'src/renewal': { layer: 5, packages: [] },
  'src/transfer': { layer: 6, packages: [] },
  'src/launch': { layer: 6, packages: [] },
  server: { layer: 6, packages: [] },
  'cli/terminal': { layer: 7, packages: [] },
  'cli/screen': { layer: 8, packages: [] },
  'cli/network': { layer: 8, packages: [] },
  'cli/transfer': { layer: 8, packages: [] },
  'cli/mirror': { layer: 9, packages: ['commander'] },
  'cli/commands': { layer: 9, packages: ['commander'] },
  cli: { layer: 10, packages: [] },
};

/** Packages that a check must never load: it starts in the time of a small program. */
export const heavyPackages = [
  'undici',
  '@sigstore/sign',
  'better-sqlite3',
  'fastify',
  'pg',
  '@aws-sdk/client-s3',
  'kysely',
  'pino',
  'prom-client',
  'tar-stream',
];
