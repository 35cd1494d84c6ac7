import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { readSource, top } from './sources.ts';

/** An image that a recipe names: the file, the reference as it is used, and what a Compose service says of pulling it. */
export interface NamedImage {
  readonly file: string;
  readonly image: string;
  readonly pullPolicy?: unknown;
}

/** Every image that a file of the recipes below `manifests` names; of a Dockerfile's own stages and `scratch` none. */
export function recipeImages(): NamedImage[] {
  return readdirSync(join(top, 'manifests'), { recursive: true, encoding: 'utf8' })
    .map((name) => join('manifests', name))
    .flatMap((file) => {
      if (/^(?:Dockerfile|Containerfile)/.test(basename(file))) return ofDockerfile(file, readSource(file));
      return /\.ya?ml$/.test(file) ? ofYaml(file, readSource(file)) : [];
    });
}

/** The images that `FROM` and `COPY --from` name, with the defaults of `ARG` put in. */
export function ofDockerfile(file: string, text: string): NamedImage[] {
  const defaults = new Map(
    [...text.matchAll(/^ARG (\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
  const stages = new Set([...text.matchAll(/^FROM .* AS (\S+)$/gim)].map(([, name]) => name));
  const named = [...text.matchAll(/^(?:FROM (?:--\S+ )*|COPY .*--from=)(\S+)/gim)].map(
    ([, name = '']) => name,
  );
  return named
    .filter((name) => name !== 'scratch' && !stages.has(name))
    .map((name) => ({
      file,
      image: name.replace(/\$\{?(\w+)\}?/g, (_, key: string) => defaults.get(key) ?? ''),
    }));
}

/** The images of containers and services, those that a kustomization puts in their place, and that of a chart's values. */
export function ofYaml(file: string, text: string): NamedImage[] {
  const found: NamedImage[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const { image, images, pull_policy: pullPolicy } = value as Record<string, unknown>;
    if (typeof image === 'string') found.push({ file, image, pullPolicy });
    else if (isChartImage(image)) found.push({ file, image: `${image.repository}:${image.tag ?? ''}` });
    if (basename(file) === 'kustomization.yaml' && Array.isArray(images))
      found.push(...images.map((each) => ({ file, image: replacement(each as Replacement) })));
    for (const inner of Object.values(value)) visit(inner);
  };
  for (const document of parseAllDocuments(text, { merge: true })) visit(document.toJS());
  return found;
}

interface Replacement {
  readonly name: string;
  readonly newName?: string;
  readonly newTag?: string;
  readonly digest?: string;
}

const replacement = ({ name, newName = name, newTag, digest }: Replacement): string =>
  digest === undefined ? `${newName}:${newTag ?? ''}` : `${newName}@${digest}`;

const isChartImage = (value: unknown): value is { repository: string; tag?: string } =>
  typeof value === 'object' && value !== null && 'repository' in value;
