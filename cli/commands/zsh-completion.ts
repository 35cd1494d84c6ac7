import { formats } from '../../src/config/index.ts';
import { ruleIds } from '../../src/findings/index.ts';
import { commandHelp, commandNames, everyFlag, type Flag, nameOf, operandOf } from './flags.ts';

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Works both ways: sourced, and as the file _verify_models in a directory of $fpath. */
export function zshCompletion(shells: readonly string[]): string {
  const specs = everyFlag.map((flag) => `    ${quoted(spec(flag))} \\`);
  const commands = commandNames.map((name) => quoted(`${name}:${commandHelp[name]}`)).join(' ');
  return `#compdef verify-models
# zsh completion for verify-models; use: source <(verify-models completion zsh), after compinit
_verify_models_models() {
  local -a models=(\${(f)"$(_call_program models verify-models completion models \${opt_args[--store]:+--store} $opt_args[--store] 2>/dev/null)"})
  compadd -a models
}
_verify_models_words() {
  local -a commands=(${commands})
  _describe command commands
  _verify_models_models
}
_verify_models() {
  local curcontext=$curcontext state line
  local -A opt_args
  _arguments -C \\
${specs.join('\n')}
    '(- *)'{-h,--help}'[show help]' '(- *)--version[show the version]' \\
    '1:command or model:_verify_models_words' \\
    '*:argument:->argument'
  [[ $state == argument ]] || return 0
  case $line[1] in
    explain) _values rule ${ruleIds.join(' ')} ;;
    completion) _values shell ${shells.join(' ')} ;;
    copy-self) _files -/ ;;
    list|keygen) ;;
    trust) _values command init add-signer rotate show accept-clock ;;
    *) _verify_models_models ;;
  esac
}
if [[ $funcstack[1] == _verify_models ]]; then _verify_models "$@"; else compdef _verify_models verify-models; fi
`;
}

function spec(flag: Flag): string {
  const help = flag.help.replace(/[[\]:]/g, ' ');
  const assigned = operandOf(flag) === undefined ? '' : '=';
  return `${flag.repeatable ? '*' : ''}${nameOf(flag)}${assigned}[${help}]${value(flag)}`;
}

function value(flag: Flag): string {
  const kind = operandOf(flag);
  if (flag.choices) return `:${kind}:(${flag.choices.join(' ')})`;
  if (kind === undefined) return '';
  if (kind === 'dir') return ':directory:_files -/';
  if (kind === 'file') return ':file:_files';
  if (kind === 'rules') return `:rules:_sequence compadd - ${ruleIds.join(' ')}`;
  if (kind === 'format=file')
    return `:report:_values format ${formats.map((f) => `${f}\\:file\\:_files`).join(' ')}`;
  return `:${kind}: `;
}
