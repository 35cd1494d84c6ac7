import type { Policy } from '../admission/index.ts';
import { type ArchiveIndex, ArchiveReader, archiveSize, type ByteSource } from '../archive/index.ts';
import type { ArchiveFacts } from '../custody/index.ts';
import { KnownError } from '../errors/index.ts';
import { exitBits } from '../findings/index.ts';
import { type Digest, shortName } from '../oci/index.ts';
import type { Renewal } from '../renewal/index.ts';
import { archiveFacts } from './archive-facts.ts';
import { type ChosenList, chooseList, type OwnList } from './choose-list.ts';
import { judgeModels, type RefusedModel, type WelcomeModel } from './judge-models.ts';
import { offeredBy } from './offered-archive.ts';
import { whyUnstorable } from './storable-name.ts';
import {
  digestInStore,
  type InstallEffects,
  type InstalledModel,
  StoreTarget,
  type TargetRequest,
} from './store-target.ts';
import { planTaking, type TakePlan, takeBlobs } from './take-blobs.ts';

export interface InstallRequest extends TargetRequest {
  readonly own: OwnList | undefined;
  readonly policy: Policy;
  readonly platform: NodeJS.Platform;
  /** @throws KnownError ARCHIVE_SENDER, RECORD_BROKEN */
  readonly checkSender: (archive: Digest, said: ArchiveFacts) => void;
  /** Does something as the user who owns the store; lists and state belong to whoever runs this. */
  readonly asOwner: <T>(work: () => Promise<T>) => Promise<T>;
}

export interface InstallOutcome {
  readonly archive: Digest;
  readonly models: readonly InstalledModel[];
  readonly refused: readonly RefusedModel[];
  /** Bytes that were taken, or would be. */
  readonly taken: number;
  readonly renewal: Renewal | undefined;
  readonly list: ArchiveIndex['list'];
  /** Bytes of the archive. */
  readonly total: number;
}

/**
 * Puts models of an archive into a store, under their own names. Blobs are received and verified beside the store; only
 * when all of them are whole the list of this side is renewed, and then each model is put in place.
 *
 * @throws KnownError ARCHIVE_*, LIST_NOT_ACCEPTED, NO_ROOM, STORAGE_*, INSTALL_BLOCKED; the signal's reason
 */
export async function installArchive(
  source: ByteSource,
  request: InstallRequest,
  effects: InstallEffects,
): Promise<InstallOutcome> {
  const reader = await ArchiveReader.open(source);
  request.checkSender(reader.id, archiveFacts(reader));
  const files = await reader.smallFiles();
  const chosen = await chooseList(
    offeredBy(files),
    files.has('allow-list.json'),
    request.own,
    !request.dryRun,
  );
  const judged = await judge(reader, files, chosen, request);
  const { list } = reader.index;
  const total = archiveSize(reader);
  const rest = { archive: reader.id, refused: judged.refused, list, total };
  using target = new StoreTarget(request);
  const plan = await request.asOwner(() => {
    effects.reading(target.bytesThere(judged.welcome));
    return planTaking(reader, judged.welcome, target);
  });
  if (request.dryRun) {
    const models = judged.welcome.map((model) => target.installed(model, []));
    return { ...rest, models, taken: plan.bytes, renewal: undefined };
  }
  await request.asOwner(() => receive(reader, plan, target, effects));
  await request.asOwner(async () => target.hold(judged.welcome, effects));
  const renewal = await chosen.take();
  const models: InstalledModel[] = [];
  for (const model of judged.welcome) models.push(await request.asOwner(() => target.place(model, effects)));
  await request.asOwner(() => target.settle(judged.welcome, effects));
  return { ...rest, models, taken: plan.bytes, renewal };
}

async function receive(
  reader: ArchiveReader,
  plan: TakePlan,
  target: StoreTarget,
  effects: InstallEffects,
): Promise<void> {
  if (plan.bytes > 0) target.prepare();
  await takeBlobs(reader, plan, target, effects);
}

async function judge(
  { index }: ArchiveReader,
  files: ReadonlyMap<string, Buffer>,
  { standing }: ChosenList,
  request: InstallRequest,
): Promise<{ readonly welcome: readonly WelcomeModel[]; readonly refused: readonly RefusedModel[] }> {
  const { welcome, refused } = await judgeModels(index.models, files, {
    ...{ standing, policy: request.policy, contact: 'whoever approves models here' },
    here: async (name) => digestInStore(request.store, name),
  });
  const unstorable = welcome.flatMap(({ name }) => {
    const problem = whyUnstorable(name, request.platform);
    if (problem === undefined) return [];
    const { message } = new KnownError('NAME_UNSTORABLE', { name: shortName(name), problem });
    return [{ name, sentence: message, bit: exitBits.unchecked }];
  });
  const left = welcome.filter(({ name }) => unstorable.every((other) => other.name !== name));
  return { welcome: left, refused: [...refused, ...unstorable] };
}
