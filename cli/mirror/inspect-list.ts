import {
  type AllowList,
  compareWithManifests,
  contradictionClause,
  listSizeLimit,
  manifestAtHand,
  parseAllowList,
} from '../../src/allow-list/index.ts';
import type { MirrorSettings } from '../../src/config/index.ts';
import { KnownError } from '../../src/errors/index.ts';
import { type OfferedFiles, offeredManifest } from '../../src/renewal/index.ts';
import { readIfThere } from '../../src/trust/index.ts';

/** What the list of an archive is by itself, whoever approved it. */
export interface OwnWord {
  readonly list: AllowList | undefined;
  /** Why nobody should accept it: it is no list, or it contradicts the manifests that came along. */
  readonly problem: string | undefined;
  /** Full names of models whose manifest is neither in the archive nor here. */
  readonly unseen: readonly string[];
}

/** Reads the list of an archive, and compares it with the manifests that came along and those that are here. */
export async function ownWord(bytes: Buffer | undefined, offered: OfferedFiles): Promise<OwnWord> {
  if (bytes === undefined) return { list: undefined, problem: undefined, unseen: [] };
  let list: AllowList;
  try {
    list = parseAllowList(bytes);
  } catch (error) {
    if (error instanceof KnownError) return { list: undefined, problem: error.message, unseen: [] };
    throw error;
  }
  const { contradictions, unseen } = await compareWithManifests(list, async (digest) => {
    const manifest = await offeredManifest(offered, digest);
    return manifest && manifestAtHand(manifest);
  });
  const problem =
    contradictions.length === 0 ? undefined : `the list: ${contradictionClause(contradictions)}`;
  return { list, problem, unseen };
}

/** Both lists, whoever approved them. */
export function listsOf(
  offered: AllowList | undefined,
  settings: Partial<MirrorSettings>,
): [AllowList, AllowList] | undefined {
  const path = settings['allow-list'];
  if (path === undefined || offered === undefined) return undefined;
  try {
    const here = readIfThere(path, listSizeLimit);
    return here === undefined ? undefined : [parseAllowList(here), offered];
  } catch {
    // What is wrong with either is said where it is judged.
    return undefined;
  }
}
