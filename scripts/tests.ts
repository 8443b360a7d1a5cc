import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheFolder } from '../src/tools/ensure.ts'
import { chooseGo, prepareGo } from '../src/tools/go.ts'
import { runChecks } from './checks.ts'

export interface Tally {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** In the order in which they run: a failing check is known in seconds, a failing journey in minutes. */
export const tiers: readonly string[] = ['check', 'unit', 'integration', 'e2e']

export async function runTests(wanted: readonly string[]): Promise<Tally> {
  let total: Tally = { passed: 0, failed: 0, skipped: 0 }
  for (const tier of wanted) {
    const began = Date.now()
    console.log(`\n— ${tier} —`)
    const tally = await runTier(tier)
    console.log(
      `${tier}: ${tally.passed} passed, ${tally.failed} failed in ${Math.round((Date.now() - began) / 1000)} s`,
    )
    total = add(total, tally)
  }
  return total
}

async function runTier(tier: string): Promise<Tally> {
  switch (tier) {
    case 'check':
      return runChecks()
    case 'unit':
      return vitest('unit', process.env)
    case 'integration': {
      const { prepareIntegration } = await import('./prepare.ts')
      const env = await prepareIntegration()
      return add(vitest('integration', env), await goTests())
    }
    case 'e2e':
    case 'production': {
      const { prepareE2e } = await import('./prepare.ts')
      return vitest(tier, await prepareE2e())
    }
    default:
      console.error(`there is no tier '${tier}'; one of ${tiers.join(', ')}`)
      return { passed: 0, failed: 1, skipped: 0 }
  }
}

/** Runs one vitest project; its JSON report is counted, its readable one is shown. */
function vitest(project: string, env: NodeJS.ProcessEnv): Tally {
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-tests-'))
  const file = join(folder, 'report.json')
  try {
    const args = [
      'run',
      '--project',
      project,
      '--reporter',
      project === 'unit' ? 'dot' : 'verbose',
      '--reporter',
      'json',
    ]
    const { status } = spawnSync('vitest', [...args, '--outputFile.json', file], { stdio: 'inherit', env })
    return vitestTally(readFileSync(file, 'utf8'), status)
  } catch (error) {
    console.error(`vitest gave no report: ${String(error)}`)
    return { passed: 0, failed: 1, skipped: 0 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function vitestTally(text: string, status: number | null): Tally {
  const report = JSON.parse(text) as {
    numPassedTests: number
    numFailedTests: number
    numPendingTests: number
    numTodoTests: number
  }
  // A suite that could not even start has no failed test, but the run has failed.
  const failed = report.numFailedTests === 0 && status !== 0 ? 1 : report.numFailedTests
  return { passed: report.numPassedTests, failed, skipped: report.numPendingTests + report.numTodoTests }
}

/** The Terraform provider is the one part in Go. Built with the flags of the programs, whose objects are there already. */
async function goTests(): Promise<Tally> {
  const { program, env } = await prepareGo(await chooseGo('.', process.env['PATH'] ?? ''), cacheFolder(), () => {})
  const args = ['test', '-json', '-vet=off', '-trimpath', './cmd/terraform-provider-localcloud/...']
  const options = { cwd: 'tools', env: { ...env, CGO_ENABLED: '0' }, encoding: 'utf8', maxBuffer: 64 << 20 } as const
  const { stdout, stderr, status } = spawnSync(program, args, options)
  const events = stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as GoEvent] : []))
  const ended = events.filter((event) => event.Test !== undefined)
  const count = (action: string): number => ended.filter((event) => event.Action === action).length
  const failed = count('fail')
  for (const event of events) if (failed > 0 && event.Output !== undefined) process.stdout.write(event.Output)
  if (status !== 0 && failed === 0) console.error(stderr)
  return { passed: count('pass'), failed: status !== 0 && failed === 0 ? 1 : failed, skipped: count('skip') }
}

interface GoEvent {
  readonly Action: string
  readonly Test?: string
  readonly Output?: string
}

function add(a: Tally, b: Tally): Tally {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped }
}
