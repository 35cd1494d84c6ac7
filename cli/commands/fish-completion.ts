import { formats } from '../../src/config/index.ts';
import { ruleIds } from '../../src/findings/index.ts';
import {
  checkFlags,
  commandHelp,
  commandNames,
  commonFlags,
  type Flag,
  nameOf,
  operandOf,
  ownFlags,
} from './flags.ts';

const start = 'complete -c verify-models';
const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
const after = (names: readonly string[]): string => `-n '__fish_seen_subcommand_from ${names.join(' ')}'`;
const notAfter = (names: readonly string[]): string =>
  `-n 'not __fish_seen_subcommand_from ${names.join(' ')}'`;

export function fishCompletion(shells: readonly string[]): string {
  const others = commandNames.filter((name) => name !== 'check');
  return [
    '# fish completion for verify-models; use: verify-models completion fish | source',
    `${start} -f`,
    ...commandNames.map(
      (name) => `${start} -n __fish_use_subcommand -a ${name} -d ${quoted(commandHelp[name])}`,
    ),
    `${start} ${notAfter(others)} -a '(verify-models completion models 2>/dev/null)' -d model`,
    ...commonFlags.map((flag) => flagLine(flag, '')),
    ...checkFlags.map((flag) => flagLine(flag, ` ${notAfter(others)}`)),
    ...others.flatMap((name) => ownFlags[name].map((flag) => flagLine(flag, ` ${after([name])}`))),
    `${start} ${after(['trust'])} -a 'init add-signer rotate show accept-clock'`,
    `${start} ${after(['copy-self'])} -x -a '(__fish_complete_directories)'`,
    `${start} -s h -l help -d 'show help'`,
    `${start} -l version -d 'show the version'`,
    `${start} ${after(['explain'])} -a ${quoted(ruleIds.join(' '))}`,
    `${start} ${after(['completion'])} -a ${quoted(shells.join(' '))}`,
    '',
  ].join('\n');
}

const flagLine = (flag: Flag, condition: string): string =>
  `${start}${condition} -l ${nameOf(flag).slice(2)}${value(flag)} -d ${quoted(flag.help)}`;

function value(flag: Flag): string {
  const kind = operandOf(flag);
  if (flag.choices) return ` -x -a ${quoted(flag.choices.join(' '))}`;
  if (kind === undefined) return '';
  if (kind === 'dir') return " -x -a '(__fish_complete_directories)'";
  if (kind === 'file') return ' -r -F';
  if (kind === 'rules')
    return ` -x -a ${quoted(`(__fish_complete_list , "string split , ${ruleIds.join(',')}")`)}`;
  if (kind === 'format=file') return ` -r -F -a ${quoted(formats.map((format) => `${format}=`).join(' '))}`;
  return ' -x';
}
