import type { SampleModel } from '../fixtures/sample-store.ts';
import { SealedSite } from '../fixtures/sealed-site.ts';
import { readSource } from '../house/sources.ts';
import { approveTwice, filledIn } from './filled-in.ts';
import { PodVolumes } from './pod.ts';

/** The settings of the recipes for containers, as they are shipped. */
export const recipeSettings = (): string => readSource('manifests/deploy/kubernetes/base/config.yaml');

/** An approved model in a store, and the volumes through which the containers of a recipe see both, with its settings. */
export class RecipeSite extends SealedSite {
  readonly model: SampleModel = this.scratch.addModel();
  readonly volumes = new PodVolumes(this);

  /** What `sign` printed. */
  signed = '';

  static async make(): Promise<RecipeSite> {
    const site = new RecipeSite();
    site.keepRealTime();
    site.signed = await approveTwice(site);
    site.volumes.fill(filledIn(recipeSettings(), site.signed));
    return site;
  }
}
