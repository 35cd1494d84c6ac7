import { formats } from '../../src/config/index.ts';
import { ruleIds } from '../../src/findings/index.ts';
import {
  checkFlags,
  commandNames,
  commonFlags,
  everyFlag,
  type Flag,
  nameOf,
  operandOf,
  ownFlags,
} from './flags.ts';

/** What bash 3.2 (macOS) and later run. Bash replaces only what follows the last `:` or `=` of a word: `keep` is the rest. */
export function bashCompletion(shells: readonly string[]): string {
  const all = everyFlag;
  const others = commandNames.filter((name) => name !== 'check');
  const flags = (some: readonly Flag[]) => words([...some.map(nameOf), '--help', '--version']);
  const arm = (names: readonly string[], body: string) => `    ${names.join('|')}) ${body} ;;`;
  const named = (test: (flag: Flag) => boolean) => all.filter(test).map(nameOf);
  const isPath = (flag: Flag) => ['dir', 'file'].includes(operandOf(flag) ?? '');
  const special = ['--report', '--fail-on'];
  const free = named((flag) => operandOf(flag) !== undefined && flag.choices === undefined && !isPath(flag));
  return `# bash completion for verify-models; use: source <(verify-models completion bash)
_verify_models() {
  local line=\${COMP_LINE:0:COMP_POINT} word head keep before list= file= command= at
  local -a typed store
  word=\${line##*[[:space:]]}
  head=\${line%"$word"}
  keep=\${word%"$2"}
  read -r -a typed <<< "$head"
  for ((at = 1; at < \${#typed[@]}; at++)); do
    case "\${typed[at]}" in
      --store) at=$((at + 1)); store=(--store "\${typed[at]/#\\~\\//$HOME/}") ;;
      ${named((flag) => operandOf(flag) !== undefined && nameOf(flag) !== '--store').join('|')}) at=$((at + 1)) ;;
      -*) ;;
      *) [ -n "$command" ] || command=\${typed[at]} ;;
    esac
  done
  local flag=\${typed[\${#typed[@]} - 1]}
  case "$word" in --*=*) flag=\${word%%=*}; word=\${word#*=} ;; esac
  case "$flag" in
${all.flatMap((flag) => (flag.choices ? [arm([nameOf(flag)], `list="${words(flag.choices)}"`)] : [])).join('\n')}
    --fail-on) word=\${word##*,}; list="${words(ruleIds)}" ;;
    --report)
      case "$word" in
        *=*) word=\${word#*=}; file=yes ;;
        *) list="${words(formats.map((format) => `${format}=`))}"; compopt -o nospace 2>/dev/null ;;
      esac ;;
${arm(named(isPath), 'file=yes')}
${arm(
  free.filter((name) => !special.includes(name)),
  'COMPREPLY=(); return',
)}
    *)
      case "$command:$word" in
${others.map((name) => `        ${name}:-*) list="${flags([...commonFlags, ...ownFlags[name]])}" ;;`).join('\n')}
        *:-*) list="${flags([...commonFlags, ...checkFlags])}" ;;
        list:*|keygen:*) ;;
        trust:*) list="${words(trustCommands)}" ;;
        explain:*) list="${words(ruleIds)}" ;;
        copy-self:*) file=yes ;;
        completion:*) list="${words(shells)}" ;;
        *)
          [ -n "$command" ] || list="${words(commandNames)}"
          list="$list $("$1" completion models "\${store[@]}" 2>/dev/null)" ;;
      esac ;;
  esac
  before=\${line##*[[:space:]]}
  before=\${before%"$word"}
  if [ -n "$file" ]; then
    compopt -o filenames 2>/dev/null
    local IFS=$'\\n'
    COMPREPLY=($(compgen -P "$before" -f -- "$word"))
  else
    COMPREPLY=($(compgen -P "$before" -W "$list" -- "$word"))
  fi
  COMPREPLY=("\${COMPREPLY[@]#"$keep"}")
}
complete -F _verify_models verify-models
`;
}

const trustCommands = ['init', 'add-signer', 'rotate', 'show', 'accept-clock'];

const words = (list: readonly string[]): string => list.join(' ');
