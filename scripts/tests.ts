import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { cacheFolder } from '../src/tools/ensure.ts'
import { chooseGo, prepareGo } from '../src/tools/go.ts'
import { runChecks } from './checks.ts'

export interface Tally {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** What failed, a line for each; told again at the end, where a log that was cut still shows it. */
  readonly failures: readonly string[]
}

/** In the order in which they run: a failing check is known in seconds, a failing journey in minutes. */
export const tiers: readonly string[] = ['check', 'unit', 'integration', 'e2e']

export async function runTests(wanted: readonly string[]): Promise<Tally> {
  let total: Tally = { passed: 0, failed: 0, skipped: 0, failures: [] }
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
      return failedRun(`there is no tier '${tier}'; one of ${tiers.join(', ')}`)
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
    return vitestTally(project, readFileSync(file, 'utf8'), status)
  } catch (error) {
    return failedRun(`${project}: vitest gave no report: ${String(error)}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

interface VitestReport {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
  }[]
}

function vitestTally(project: string, text: string, status: number | null): Tally {
  const report = JSON.parse(text) as VitestReport
  const failures = report.testResults.flatMap(({ name, status: outcome, assertionResults }) => {
    const file = `${project} ${relative('.', name)}`
    const failed = assertionResults.filter((one) => one.status === 'failed').map((one) => `${file}: ${one.fullName}`)
    // A suite that could not even start has no failed test, but the run has failed.
    return failed.length === 0 && outcome === 'failed' ? [`${file}: did not run to its end`] : failed
  })
  if (status !== 0 && failures.length === 0) failures.push(`${project}: ended with status ${status}`)
  return {
    passed: report.numPassedTests,
    failed: failures.length,
    skipped: report.numPendingTests + report.numTodoTests,
    failures,
  }
}

function failedRun(why: string): Tally {
  console.error(why)
  return { passed: 0, failed: 1, skipped: 0, failures: [why] }
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
  const failures = ended.flatMap(({ Action, Test }) => (Action === 'fail' ? [`provider: ${Test}`] : []))
  for (const event of events) if (failures.length > 0 && event.Output !== undefined) process.stdout.write(event.Output)
  if (status !== 0 && failures.length === 0)
    return failedRun(`provider: go test ended with status ${status}\n${stderr}`)
  return { passed: count('pass'), failed: failures.length, skipped: count('skip'), failures }
}

interface GoEvent {
  readonly Action: string
  readonly Test?: string
  readonly Output?: string
}

function add(a: Tally, b: Tally): Tally {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    failures: [...a.failures, ...b.failures],
  }
}
