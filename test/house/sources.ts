import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top of the repository. */
export const top = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Every source of the product, as paths below the top. */
export function productSources(): string[] {
  return ['src', 'cli', 'server'].flatMap((folder) => typescriptBelow(join(top, folder)));
}

export function typescriptBelow(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
  return names.filter((name) => name.endsWith('.ts')).map((name) => relative(top, join(folder, name)));
}

export const readSource = (path: string): string => readFileSync(join(top, path), 'utf8');

/** What a source imports or exports from, as written; dynamic imports too. */
export function importsOf(source: string): string[] {
  const forms =
    /(?:^|\n)\s*(?:import|export)\b[^'";]*?from\s*'([^']+)'|(?:^|\n)\s*import\s*'([^']+)'|\bimport\(\s*'([^']+)'/g;
  return [...source.matchAll(forms)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}
