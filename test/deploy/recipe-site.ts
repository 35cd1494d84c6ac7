import { join } from 'node:path';
import type { SampleModel } from '../fixtures/sample-store.ts';
import { SealedSite } from '../fixtures/sealed-site.ts';
import { top } from '../house/sources.ts';
import { PodVolumes } from './pod.ts';

/** An approved model in a store, and the volumes through which the containers of a recipe see both, with its settings. */
export class RecipeSite extends SealedSite {
  readonly model: SampleModel = this.scratch.addModel();
  readonly volumes = new PodVolumes(this);

  static async make(): Promise<RecipeSite> {
    const site = new RecipeSite();
    site.keepRealTime();
    await site.approve();
    site.volumes.fill(join(top, 'manifests', 'deploy', 'kubernetes', 'base', 'config.yaml'));
    return site;
  }
}
