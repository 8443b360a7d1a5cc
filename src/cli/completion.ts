import { type NamedKind, namedKinds, type TypedValue, type TypedWords } from './words-tree.ts'

export const shells = ['bash', 'zsh'] as const
export type Shell = (typeof shells)[number]

/** A script for the shell that completes words, options and their values. */
export function completionScript(shell: Shell, tree: readonly TypedWords[]): string {
  return shell === 'bash' ? bashScript(tree) : zshScript(tree)
}

/** Words of commands and options only: letters, digits and hyphens. Whatever else comes is quoted. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

function bashScript(tree: readonly TypedWords[]): string {
  const offers = tree.map(({ path, words, options, argument }) => {
    const all = [...words.map(({ word }) => word), ...(Array.isArray(argument) ? argument : [])]
    const names = [...options.map(({ name }) => name), '--help']
    return `    ${quoted(path)}) words=${quoted(all.join(' '))} options=${quoted(names.join(' '))}${flagsOf(argument)} ;;`
  })
  return `# bash completion of cloudmgr. To use it: source <(cloudmgr completion bash)
_cloudmgr() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} said='' word i
  local words='' options='' files='' named='' via=()
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "$word" in
      ${serviceOptions}) via+=("$word" "\${COMP_WORDS[i + 1]}") ;;
    esac
${pathCases(tree, 'i')}
  done
${valueCases(tree, {
  choices: (values) => `mapfile -t COMPREPLY < <(compgen -W ${quoted(values.join(' '))} -- "$cur"); return`,
  file: 'mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return',
  named: (kind) => `_cloudmgr_names ${kind}; return`,
  text: 'return',
})}
  case "$said" in
${offers.join('\n')}
  esac
  if [[ $cur == -* ]]; then words=$options; fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
  if [[ -n $files && $cur != -* ]]; then mapfile -t COMPREPLY < <(compgen -f -- "$cur"); fi
  if [[ -n $named && $cur != -* ]]; then _cloudmgr_names "$named"; fi
}
# What the service knows; nothing when it is not there.
_cloudmgr_names() {
  mapfile -t COMPREPLY < <(compgen -W "$("\${COMP_WORDS[0]}" names "$1" "\${via[@]}" 2>/dev/null </dev/null)" -- "$cur")
}
complete -o filenames -F _cloudmgr cloudmgr
`
}

function zshScript(tree: readonly TypedWords[]): string {
  const entry = (word: string, about: string) => quoted(`${word.replaceAll(':', '\\:')}:${about}`)
  const offers = tree.map(({ path, words, options, argument }) => {
    const choices = Array.isArray(argument) ? argument.map((word: string) => ({ word, about: '' })) : []
    const all = [...words, ...choices].map(({ word, about }) => entry(word, about))
    const names = options.map(({ name, about }) => entry(name, about))
    const lists = `offered=(${all.join(' ')}); options=(${[...names, entry('--help', 'explain')].join(' ')})`
    return `    ${quoted(path)}) ${lists};${flagsOf(argument)} ;;`
  })
  return `#compdef cloudmgr
# zsh completion of cloudmgr. To use it: source <(cloudmgr completion zsh)
_cloudmgr() {
  local cur=\${words[CURRENT]} prev=\${words[CURRENT - 1]} said='' word i files='' named=''
  local -a offered options via
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    case "$word" in
      ${serviceOptions}) via+=("$word" "\${words[i + 1]}") ;;
    esac
${pathCases(tree, 'i')}
  done
${valueCases(tree, {
  choices: (values) => `compadd -- ${values.map(quoted).join(' ')}; return`,
  file: '_files; return',
  named: (kind) => `_cloudmgr_names ${kind}; return`,
  text: 'return',
})}
  case "$said" in
${offers.join('\n')}
  esac
  if [[ $cur == -* ]]; then
    _describe option options
    return
  fi
  (( \${#offered} > 0 )) && _describe word offered
  [[ -n $files ]] && _files
  [[ -n $named ]] && _cloudmgr_names $named
  return 0
}
# What the service knows; nothing when it is not there.
_cloudmgr_names() {
  local -a found
  found=(\${(f)"$("\${words[1]}" names "$1" "\${via[@]}" 2>/dev/null </dev/null)"})
  (( \${#found} > 0 )) && compadd -- "\${found[@]}"
  return 0
}
typeset -f compdef >/dev/null && compdef _cloudmgr cloudmgr
`
}

/** Which service is asked for names: as the line says. */
const serviceOptions = ['--site', '--state', '--url', '--userid', '--ca'].map(quoted).join(' | ')

/** What else may come than words. */
function flagsOf(argument: TypedValue | undefined): string {
  if (argument === 'file') return ' files=1'
  return isNamed(argument) ? ` named=${argument}` : ''
}

function isNamed(value: TypedValue | undefined): value is NamedKind {
  return namedKinds.some((kind) => kind === value)
}

/** Follows the words that were typed; a value of an option is none of them. */
function pathCases(tree: readonly TypedWords[], index: string): string {
  const known = tree.map(({ path }) => path).filter((path) => path !== '')
  const taking = tree.flatMap(({ path, options }) =>
    options.filter(({ value }) => value !== undefined).map(({ name }) => quoted(`${path} ${name}`)),
  )
  return `    case "\${said:+$said }$word" in
      ${known.map(quoted).join(' | ')}) said="\${said:+$said }$word" ;;
    esac
    case "$said $word" in
      ${taking.join(' | ')}) ${index}=$((${index} + 1)) ;;
    esac`
}

interface Offers {
  readonly choices: (values: readonly string[]) => string
  readonly file: string
  readonly named: (kind: NamedKind) => string
  readonly text: string
}

/** What may follow an option that takes a value. */
function valueCases(tree: readonly TypedWords[], offers: Offers): string {
  const lines = tree.flatMap(({ path, options }) =>
    options.flatMap(({ name, value }) => {
      if (value === undefined) return []
      return [`    ${quoted(`${path} ${name}`)}) ${offerOf(value, offers)} ;;`]
    }),
  )
  return ['  case "$said $prev" in', ...lines, '  esac'].join('\n')
}

function offerOf(value: TypedValue, offers: Offers): string {
  if (isNamed(value)) return offers.named(value)
  return typeof value === 'string' ? offers[value] : offers.choices(value)
}
