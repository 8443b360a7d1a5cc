import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { createFakeOutside } from './fake-outside.ts'
import { runCli } from './program.ts'

/** What `completion` prints for the shell. */
export async function completionScript(shell: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-completion-'))
  try {
    const outside = createFakeOutside(folder)
    expect(await runCli(['completion', shell], outside.io)).toBe(0)
    return outside.printed().out
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What is typed, `|` where the cursor is; some of what is offered, and some of what is not. */
const cases: { typed: string[]; offers: string[]; not?: string[]; why: string }[] = [
  { typed: ['cloudmgr', 'acc'], offers: ['account'], not: ['audit'], why: 'words that begin so' },
  { typed: ['cloudmgr', ''], offers: ['up', 'down', 'login', 'order', 'completion'], why: 'all words' },
  { typed: ['cloudmgr', 'account', ''], offers: ['create', 'rotate'], not: ['up'], why: 'words below a word' },
  { typed: ['cloudmgr', 'worker', 'sc'], offers: ['scale'], why: 'short words for orders' },
  {
    typed: ['cloudmgr', 'order', 'add', '--pr'],
    offers: ['--preview'],
    not: ['--profile'],
    why: 'options of the word',
  },
  { typed: ['cloudmgr', 'up', '--profile', ''], offers: ['single-node', 'minimal'], why: 'values of an option' },
  { typed: ['cloudmgr', '--json', 'command', 'list', '--only', 'f'], offers: ['failed'], why: 'options in front' },
  { typed: ['cloudmgr', 'command', '--site', 'omega', ''], offers: ['follow', 'cancel'], why: 'a value is no word' },
  { typed: ['cloudmgr', 'completion', 'z'], offers: ['zsh'], why: 'values of an argument' },
  { typed: ['cloudmgr', 'order', 'add', 'ru'], offers: ['runtime'], not: ['nodepool'], why: 'plans of the service' },
  { typed: ['cloudmgr', 'command', 'list', '--plan', ''], offers: ['runtime', 'nodepool'], why: 'plans as a value' },
  { typed: ['cloudmgr', 'account', 'rotate', ''], offers: ['alice', 'bob-2'], why: 'accounts of the service' },
  {
    typed: ['cloudmgr', 'command', 'list', '--account', 'b'],
    offers: ['bob-2'],
    not: ['alice'],
    why: 'accounts as a value',
  },
  {
    typed: ['cloudmgr', 'account', 'create', ''],
    offers: [],
    not: ['alice'],
    why: 'no account where a new one is named',
  },
  {
    typed: ['cloudmgr', 'account', 'show', '--url', 'http://hub', ''],
    offers: ['elsewhere'],
    not: ['alice'],
    why: 'accounts of the service that the line names',
  },
]

/** Calls the function as the shell would, and prints what it offers, one a line. */
const drivers: Record<'bash' | 'zsh', (typed: readonly string[]) => string> = {
  bash: (typed) => `COMP_WORDS=(${typed.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${typed.length - 1}
_cloudmgr
printf '%s\\n' "\${COMPREPLY[@]}"`,
  // In place of zsh's own, which only work while somebody types; what does not begin so zsh leaves out.
  zsh: (typed) => `words=(${typed.map((word) => `'${word}'`).join(' ')})
CURRENT=${typed.length}
_describe() { local line; for line in "\${(@P)2}"; do offer "\${line%%:*}"; done }
compadd() { shift; local one; for one; do offer "$one"; done }
_files() { offer files }
offer() { [[ $1 == "\${words[CURRENT]}"* ]] && print -r -- $1; return 0 }
_cloudmgr`,
}

/** In place of the program, which the scripts ask for names. */
const program = `cloudmgr() {
  case "$*" in
    'names plans') printf 'runtime\\nnodepool\\n' ;;
    'names accounts') printf 'alice\\nbob-2\\n' ;;
    'names accounts --url http://hub') echo elsewhere ;;
    *) echo "$*" >&2; return 1 ;;
  esac
}`

/** What a real shell makes of its script. */
export function completionSuite(shell: 'bash' | 'zsh'): void {
  test(`${shell} offers nothing, and says nothing, where no service answers`, async () => {
    const away = "cloudmgr() { echo 'nobody answers' >&2; return 1; }"
    const typed = ['cloudmgr', 'account', 'rotate', '']
    const text = `${await completionScript(shell)}\n${away}\n${drivers[shell](typed)}`
    const { stdout, stderr } = await execa(shell, ['-c', text])
    expect([stdout.trim(), stderr]).toEqual(['', ''])
  })

  for (const { typed, offers, not = [], why } of cases) {
    test(`${shell} offers ${why}`, async () => {
      const text = `${await completionScript(shell)}\n${program}\n${drivers[shell](typed)}`
      const { stdout, stderr } = await execa(shell, ['-c', text])
      expect(stderr).toBe('')
      const offered = stdout.split('\n')
      expect(offered).toEqual(expect.arrayContaining(offers))
      for (const word of not) expect(offered).not.toContain(word)
    })
  }
}
