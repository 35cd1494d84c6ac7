import assert from 'node:assert/strict';
import type { SignedSite } from '../fixtures/signed-site.ts';

/** What stands in a recipe until somebody edits it. */
export const placeholder = 'REPLACE-WITH-THE-VERSION-OF-YOUR-LIST';

/** A recipe as its README says to edit it: with the version that `sign` printed. */
export function filledIn(recipe: string, signed: string): string {
  const version = /^approved the allow-list \S+ version (\d+), sha256:/.exec(signed)?.[1];
  assert.ok(version !== undefined, signed);
  assert.deepEqual(recipe.match(/REPLACE-WITH-\S+/g), [placeholder]);
  return recipe.replace(placeholder, version);
}

/** A second version of the list of a site, as every list has one sooner or later. @returns what `sign` prints */
export async function approveTwice(site: SignedSite): Promise<string> {
  await site.approve();
  await site.allow('--all', '--note', 'seen once more');
  return (await site.sign()).stdout;
}
