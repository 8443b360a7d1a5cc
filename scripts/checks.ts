import { spawnSync } from 'node:child_process'
import type { Tally } from './tests.ts'

/** Each check counts as one test. */
const checks: { name: string; command: string; args: string[]; mend: string }[] = [
  { name: 'types', command: 'tsc', args: ['--noEmit', '-p', '.'], mend: 'see the lines above' },
  { name: 'types of the pages', command: 'tsc', args: ['--noEmit', '-p', 'web'], mend: 'see the lines above' },
  { name: 'format', command: 'biome', args: ['format', '.'], mend: 'npm run format' },
  {
    name: 'lint',
    command: 'oxlint',
    args: ['--type-aware', '--deny-warnings', '--quiet', '.'],
    mend: 'see the lines above',
  },
  { name: 'unused code', command: 'knip', args: ['--no-progress'], mend: 'remove it, or use it' },
  { name: 'API document', command: 'node', args: ['scripts/openapi.ts', '--check'], mend: 'node scripts/openapi.ts' },
  {
    name: 'values of the charts',
    command: 'node',
    args: ['scripts/chart-readme.ts', '--check'],
    mend: 'node scripts/chart-readme.ts',
  },
  {
    name: 'site file schema',
    command: 'node',
    args: ['scripts/site-file.ts', '--check'],
    mend: 'node scripts/site-file.ts',
  },
  {
    name: 'typed client',
    command: 'openapi-typescript',
    args: ['docs/openapi.json', '-o', 'src/client/schema.ts', '--check'],
    mend: 'npm run client',
  },
]

/** Types, format, lint, unused code, generated files; floors are a unit test. */
export function runChecks(): Tally {
  const failures: string[] = []
  for (const { name, command, args, mend } of checks) {
    const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 << 20 })
    if (status === 0) {
      console.log(`✓ ${name}`)
      continue
    }
    failures.push(`check: ${name}`)
    console.log(`${stdout ?? ''}${stderr ?? ''}${error === undefined ? '' : error.message}`.trimEnd())
    console.log(`✗ ${name} (${mend})`)
  }
  return { passed: checks.length - failures.length, failed: failures.length, skipped: 0, failures }
}
