import { KnownError } from '../../src/errors/index.ts';
import { refuseFormats, type TypedFlags } from './context.ts';
import { nameOf, ownFlags } from './flags.ts';

const limits = [
  ...['threshold', 'root-threshold', 'list-threshold'],
  ...['min-list-version', 'max-validity-days', 'grace-days'],
];

/** The flags that each command of `trust` takes, of those that stand in one table for all of them. */
const taken: Readonly<Record<string, readonly string[]>> = {
  init: ['trust', 'signer', 'list-id', 'allow-list', ...limits],
  'add-signer': ['trust', 'key', 'identity', 'issuer', 'role', 'from', 'to', ...limits],
  rotate: ['trust', 'remove', ...limits],
  show: ['trust'],
  'accept-clock': ['list-id', 'allow-list', 'state'],
};

const camel = (key: string): string => key.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** A flag that would be passed over in silence is refused: somebody may believe that a signer was removed. */
export function refuseOtherFlags(command: string, flags: TypedFlags): void {
  refuseFormats(flags, 'trust');
  const stranger = ownFlags.trust.find(
    ({ key }) => flags[camel(key)] !== undefined && !taken[command]?.includes(key),
  );
  if (stranger === undefined) return;
  const owners = Object.keys(taken).filter((name) => taken[name]?.includes(stranger.key));
  throw new KnownError('USAGE', {
    problem: `${nameOf(stranger)} is a flag of trust ${owners.join(', ')}, not of trust ${command}`,
  });
}
