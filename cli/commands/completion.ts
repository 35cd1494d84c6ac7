import { KnownError } from '../../src/errors/index.ts';
import { ruleIds } from '../../src/findings/index.ts';
import type { Io } from '../terminal/index.ts';
import { checkFlags, commandNames, commonFlags, type Flag } from './flags.ts';

const shells = { bash, zsh, fish } as const;

const shellNames = Object.keys(shells).join(', ');

/** `verify-models completion bash|zsh|fish`: a script for the shell, made from the same tables as --help. */
export async function runCompletion(shell: string, io: Io): Promise<number> {
  if (!Object.hasOwn(shells, shell)) {
    throw new KnownError('USAGE', { problem: `completion knows ${shellNames}, not ${shell.slice(0, 40)}` });
  }
  await io.stdout.write(shells[shell as keyof typeof shells]());
  return 0;
}

const allFlags = [...commonFlags, ...checkFlags];
const nameOf = (flag: Flag): string => flag.syntax.split(' ', 1)[0] ?? '';
const takesValue = (flag: Flag): boolean => flag.syntax.includes('<');
const takesPath = (flag: Flag): boolean => /<(dir|file)>/.test(flag.syntax);
const commandHelp: Readonly<Record<(typeof commandNames)[number], string>> = {
  check: 'read the store, verify everything',
  list: 'models with size, parameters, quantisation and id',
  explain: 'what a rule means, why it matters, what to do',
  completion: 'a completion script for a shell',
};

/** Words for single quotes of any of the three shells. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function bash(): string {
  const choices = allFlags
    .filter((flag) => flag.choices !== undefined)
    .map(
      (flag) =>
        `    ${nameOf(flag)}) COMPREPLY=($(compgen -W "${flag.choices?.join(' ')}" -- "$word")); return ;;`,
    );
  const paths = allFlags.filter(takesPath).map(nameOf).join('|');
  const values = allFlags.filter((flag) => takesValue(flag) && !takesPath(flag) && !flag.choices).map(nameOf);
  return [
    '# bash completion for verify-models; use: source <(verify-models completion bash)',
    '_verify_models() {',
    '  local word=$2 before=$3 command=',
    '  case "$before" in',
    ...choices,
    `    ${paths}) COMPREPLY=($(compgen -f -- "$word")); return ;;`,
    `    ${values.join('|')}) COMPREPLY=(); return ;;`,
    `    explain) COMPREPLY=($(compgen -W "${ruleIds.join(' ')}" -- "$word")); return ;;`,
    `    completion) COMPREPLY=($(compgen -W "${Object.keys(shells).join(' ')}" -- "$word")); return ;;`,
    '  esac',
    `  [ "$COMP_CWORD" -eq 1 ] && command="${commandNames.join(' ')}"`,
    `  COMPREPLY=($(compgen -W "$command ${allFlags.map(nameOf).join(' ')} --help --version" -- "$word"))`,
    '}',
    'complete -F _verify_models verify-models',
    '',
  ].join('\n');
}

function zsh(): string {
  const flag = (f: Flag) => {
    const help = f.help.replace(/[[\]:]/g, ' ');
    const value = f.choices
      ? `:value:(${f.choices.join(' ')})`
      : takesPath(f)
        ? ':path:_files'
        : takesValue(f)
          ? ':value:'
          : '';
    return `    ${quoted(`${f.repeatable ? '*' : ''}${nameOf(f)}[${help}]${value}`)} \\`;
  };
  const commands = commandNames.map((name) => quoted(`${name}:${commandHelp[name]}`)).join(' ');
  return [
    '#compdef verify-models',
    '# zsh completion for verify-models; put it as _verify-models into a directory of $fpath',
    '_verify_models() {',
    `  local -a commands=(${commands})`,
    '  _arguments -s \\',
    ...allFlags.map(flag),
    "    '--help[show help]' '--version[show the version]' \\",
    "    '1:command:{_describe command commands}' \\",
    "    '*::argument:->argument'",
    '  [[ $state == argument ]] || return 0',
    '  case $words[1] in',
    `    explain) _values rule ${ruleIds.join(' ')} ;;`,
    `    completion) _values shell ${Object.keys(shells).join(' ')} ;;`,
    '  esac',
    '}',
    '_verify_models "$@"',
    '',
  ].join('\n');
}

function fish(): string {
  const start = 'complete -c verify-models';
  const flag = (f: Flag) => {
    const value = f.choices
      ? ` -x -a ${quoted(f.choices.join(' '))}`
      : takesPath(f)
        ? ' -r -F'
        : takesValue(f)
          ? ' -x'
          : '';
    return `${start} -l ${nameOf(f).slice(2)}${value} -d ${quoted(f.help.replaceAll("'", '’'))}`;
  };
  const only = (name: string) => `-n '__fish_seen_subcommand_from ${name}'`;
  return [
    '# fish completion for verify-models; use: verify-models completion fish | source',
    `${start} -f`,
    ...commandNames.map(
      (name) => `${start} -n __fish_use_subcommand -a ${name} -d ${quoted(commandHelp[name])}`,
    ),
    ...allFlags.map(flag),
    `${start} ${only('explain')} -a ${quoted(ruleIds.join(' '))}`,
    `${start} ${only('completion')} -a ${quoted(Object.keys(shells).join(' '))}`,
    '',
  ].join('\n');
}
