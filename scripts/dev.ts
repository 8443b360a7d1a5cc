import { runChecks } from './checks.ts'
import { runTests, type Tally, tiers } from './tests.ts'

/** `./cloudmgr dev <word>`: what people who change cloudmgr need. `npm test` and `npm run check` end here. */
async function main(words: readonly string[]): Promise<number> {
  const [word, ...rest] = words
  switch (word) {
    case 'check':
      return report(runChecks())
    case 'test':
      return report(await runTests(rest.length === 0 ? tiers : rest))
    case 'bench':
      return (await (await import('./bench.ts')).runBenchmarks(rest)) ? 0 : 1
    case 'storm':
      return (await (await import('./storm.ts')).storm(rest)) ? 0 : 1
    default:
      console.error(
        'usage: ./cloudmgr dev check | test [check] [unit] [integration] [e2e] | bench [NAME …] | storm [--seed N] [--kills N] [--minutes N] [--real]',
      )
      return 2
  }
}

/** What failed, and the closing line that every run ends with; the exit code follows it. */
function report({ passed, failed, skipped, failures }: Tally): number {
  if (failures.length > 0) console.log(['', 'failed:', ...failures.map((one) => `  ${one}`)].join('\n'))
  console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  return failed > 0 || passed === 0 ? 1 : 0
}

process.exitCode = await main(process.argv.slice(2))
