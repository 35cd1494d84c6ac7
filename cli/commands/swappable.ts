import type { Settings } from '../../src/config/index.ts';
import type { Fact, RuleId } from '../../src/findings/index.ts';
import { defaultStatePath } from '../../src/state/index.ts';
import { type CheckRequest, swappableFiles, swappableStore } from '../../src/verify/index.ts';
import { type Io, trustFilesOf } from '../terminal/index.ts';
import { settingsFileOf, type TypedFlags } from './context.ts';

/** What of a command line is to be held against who else could change it. */
export interface Surroundings {
  readonly settings: Settings;
  readonly flags: TypedFlags;
  /** The store as it was named: links in its path are judged too. */
  readonly named: string;
  /** The check decides whether something starts. */
  readonly guarded: boolean;
}

/**
 * What a check says of the files that it decides by, and of the way to the store. Where it guards a start and root runs
 * it, somebody else who can write the key, the policy or the settings decides what starts: it fails there.
 */
export function surroundingsOf(
  { settings, flags, named, guarded }: Surroundings,
  io: Io,
): Pick<CheckRequest, 'facts' | 'failOn'> {
  const { XDG_STATE_HOME, HOME } = io.environment;
  const state = settings.state ?? defaultStatePath({ XDG_STATE_HOME, HOME }, io.uid);
  const files = [
    ...trustFilesOf(settings, settingsFileOf(flags, io)),
    // That of root is refused where it lies so.
    ...(io.uid === 0 ? [] : [{ what: 'the state directory', path: state, kind: 'place' } as const]),
  ];
  const facts: Fact[] = [...swappableFiles(files, io.uid), ...swappableStore(named, io.uid)];
  const failOn = new Set<RuleId>(settings['fail-on'] ?? []);
  if (guarded && io.uid === 0) failOn.add('trust-file-writable');
  return { facts, failOn };
}
