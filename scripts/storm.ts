import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runStorm, type StormOptions } from '../test/storm/storm.ts'
import { startMariadb } from '../test/support/mariadb.ts'

/**
 * `npm run storm -- [--seed N] [--kills N] [--minutes N] [--real]`: on SQLite, then on MariaDB, or on real systems; false when
 * something was wrong.
 */
export async function storm(words: readonly string[]): Promise<boolean> {
  const { real, ...given } = optionsOf(words)
  if (real) return await onRealSystems(given)
  const folder = mkdtempSync(join(tmpdir(), 'cloudmgr-storms-'))
  const mariadb = await startMariadb()
  try {
    const onSqlite = await report('SQLite', { ...given, database: { kind: 'sqlite', path: join(folder, 'storm.db') } })
    const onMariadb = await report('MariaDB', { ...given, database: await mariadb.fresh() })
    return onSqlite && onMariadb
  } finally {
    await mariadb.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function onRealSystems(given: Given): Promise<boolean> {
  const { prepareIntegration } = await import('./prepare.ts')
  Object.assign(process.env, await prepareIntegration())
  const { startRealOutside } = await import('../test/support/real-outside.ts')
  const real = await startRealOutside()
  try {
    return await report('Real systems', { ...given, real, database: { kind: 'sqlite' } })
  } finally {
    await real.stop()
  }
}

type Given = Omit<StormOptions, 'database' | 'real'>

function optionsOf(words: readonly string[]): Given & { readonly real: boolean } {
  const text = { type: 'string' } as const
  const options = { seed: text, kills: text, minutes: text, real: { type: 'boolean', default: false } } as const
  const { values } = parseArgs({ args: [...words], options })
  const number = (name: 'seed' | 'kills' | 'minutes', otherwise: number): number => {
    const value = Number(values[name] ?? otherwise)
    if (Number.isInteger(value) && value > 0) return value
    throw new Error(`--${name} must be a whole number above zero, not ${JSON.stringify(values[name])}`)
  }
  const seed = number('seed', 1 + Math.floor(Math.random() * 1_000_000))
  return { seed, kills: number('kills', 300), minutes: number('minutes', 15), real: values.real }
}

async function report(database: string, options: StormOptions): Promise<boolean> {
  const { seed } = options
  console.log(`${database}: seed ${seed}, up to ${options.kills} kills in ${options.minutes} min`)
  const { kills, outages, orders, refused, seconds, wrongs } = await runStorm(options)
  const servers = outages === 0 ? '' : ` of engines and ${outages} of servers`
  console.log(`  ${kills} kills${servers}, ${orders} orders (${refused} refused) in ${seconds.toFixed(0)} s`)
  for (const wrong of wrongs) console.log(`  ✗ ${wrong}`)
  if (wrongs.length > 0)
    console.log(
      `  again: npm run storm -- --seed ${seed} --kills ${options.kills} --minutes ${options.minutes}${options.real === undefined ? '' : ' --real'}`,
    )
  return wrongs.length === 0
}
