import { type AdmittedModel, checkManifest, decideModel } from '../../src/admission/index.ts';
import type { MirrorSettings } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { type ModelName, parseModelName, shortName } from '../../src/oci/index.ts';
import type { TravellingList, TravellingModel } from '../../src/transfer/index.ts';
import { readPolicy } from '../../src/trust/index.ts';
import { readListFile } from './list-files.ts';
import type { OpenMirror } from './open-mirror.ts';

/** Models that are read from the catalog at once. */
const page = 1000;

/**
 * The models that a command line means, and the list that travels with them. Without names every listed model, or, with
 * `--all`, every one that is here.
 *
 * @throws KnownError USAGE, LIST_NOT_ACCEPTED, MODEL_ABSENT, MODEL_NOT_LISTED
 */
export async function travelling(
  words: readonly string[],
  all: boolean,
  mirror: OpenMirror,
  settings: Partial<MirrorSettings>,
): Promise<{ readonly models: readonly TravellingModel[]; readonly list: TravellingList | undefined }> {
  if (all && words.length > 0)
    throw new KnownError('USAGE', { problem: '--all and names of models say different things' });
  const list = travellingList(mirror, settings);
  const names = all ? await everyName(mirror) : words.length > 0 ? words.map(parseModelName) : listed(list);
  const models = new Map<string, TravellingModel>();
  for (const name of names) {
    const found = await allowedModel(name, mirror);
    models.set(shortName(found.name).toLowerCase(), {
      name: found.name,
      checked: checkManifest(found.name, found.bytes),
    });
  }
  if (models.size === 0) throw new KnownError('USAGE', { problem: 'there is no model to export' });
  return { models: [...models.values()], list };
}

function listed(list: TravellingList | undefined): readonly ModelName[] {
  if (list === undefined)
    throw new KnownError('USAGE', { problem: 'name models, or --all, or a list with --allow-list' });
  return [...list.list.models.keys()].map(parseModelName);
}

async function everyName({ catalog }: OpenMirror): Promise<readonly ModelName[]> {
  const names: ModelName[] = [];
  for (;;) {
    const models = await catalog.models(page, names.at(-1));
    names.push(...models.map(({ name }) => name));
    if (models.length < page) return names;
  }
}

/** What is here under a name, where it may be handed on. */
async function allowedModel(name: ModelName, mirror: OpenMirror): Promise<AdmittedModel> {
  const { records, list, policy, contact } = mirror;
  const decision = decideModel(name, list.standing, policy, contact);
  if (decision.kind === 'refused' && list.standing.kind === 'accepted') {
    const { listId, version } = list.standing.approved.list;
    throw new KnownError('MODEL_NOT_LISTED', { name: shortName(name), listId, version });
  }
  if (decision.kind === 'refused') throw new KnownError('LIST_NOT_ACCEPTED', { reason: decision.sentence });
  const meant = decision.kind === 'listed' ? parseModelName(decision.listedAs) : name;
  const found = await records.find(meant);
  const right = decision.kind !== 'listed' || found?.digest === decision.model.manifest.digest;
  if (found === undefined || !right) throw new KnownError('MODEL_ABSENT', { name: shortName(meant) });
  const problem =
    decision.kind === 'listed' ? decision.approved.problemWith(decision.model, found.bytes) : undefined;
  if (problem !== undefined) throw new KnownError('LIST_CONTRADICTS', { name: shortName(meant), problem });
  return found;
}

/** @throws KnownError LIST_NOT_ACCEPTED: a list that nobody may use is not handed on */
function travellingList(
  { list: { standing } }: OpenMirror,
  settings: Partial<MirrorSettings>,
): TravellingList | undefined {
  if (standing.kind === 'none') return undefined;
  if (standing.kind === 'refused') throw new KnownError('LIST_NOT_ACCEPTED', { reason: standing.reason });
  const { list, digest } = standing.approved;
  const trustVersion = settings.trust === undefined ? 0 : readPolicy(settings.trust).policy.version;
  return { list, digest, trustVersion, read: async (name) => readListFile(settings, name) };
}
