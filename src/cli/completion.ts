import type { TypedWords } from './words-tree.ts'

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
    const files = argument === 'file' ? ' files=1' : ''
    return `    ${quoted(path)}) words=${quoted(all.join(' '))} options=${quoted(names.join(' '))}${files} ;;`
  })
  return `# bash completion of cloudmgr. To use it: source <(cloudmgr completion bash)
_cloudmgr() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} said='' word i
  local words='' options='' files=''
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
${pathCases(tree, 'i')}
  done
${valueCases(tree, {
  choices: (values) => `mapfile -t COMPREPLY < <(compgen -W ${quoted(values.join(' '))} -- "$cur"); return`,
  file: 'mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return',
  text: 'return',
})}
  case "$said" in
${offers.join('\n')}
  esac
  if [[ $cur == -* ]]; then words=$options; fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
  if [[ -n $files && $cur != -* ]]; then mapfile -t COMPREPLY < <(compgen -f -- "$cur"); fi
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
    const files = argument === 'file' ? ' files=1' : ''
    const lists = `offered=(${all.join(' ')}); options=(${[...names, entry('--help', 'explain')].join(' ')})`
    return `    ${quoted(path)}) ${lists};${files} ;;`
  })
  return `#compdef cloudmgr
# zsh completion of cloudmgr. To use it: source <(cloudmgr completion zsh)
_cloudmgr() {
  local cur=\${words[CURRENT]} prev=\${words[CURRENT - 1]} said='' word i files=''
  local -a offered options
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
${pathCases(tree, 'i')}
  done
${valueCases(tree, {
  choices: (values) => `compadd -- ${values.map(quoted).join(' ')}; return`,
  file: '_files; return',
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
  return 0
}
typeset -f compdef >/dev/null && compdef _cloudmgr cloudmgr
`
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
  readonly text: string
}

/** What may follow an option that takes a value. */
function valueCases(tree: readonly TypedWords[], offers: Offers): string {
  const lines = tree.flatMap(({ path, options }) =>
    options.flatMap(({ name, value }) => {
      if (value === undefined) return []
      const offer = typeof value === 'string' ? offers[value] : offers.choices(value)
      return [`    ${quoted(`${path} ${name}`)}) ${offer} ;;`]
    }),
  )
  return ['  case "$said $prev" in', ...lines, '  esac'].join('\n')
}
