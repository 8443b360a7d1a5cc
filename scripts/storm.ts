import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runStorm, type StormOptions } from '../test/storm/storm.ts'
import { startMariadb } from '../test/support/mariadb.ts'

/** `npm run storm -- [--seed N] [--kills N] [--minutes N]`: on SQLite, then on MariaDB; false when something was wrong. */
export async function storm(words: readonly string[]): Promise<boolean> {
  const given = optionsOf(words)
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

function optionsOf(words: readonly string[]): Omit<StormOptions, 'database'> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ args: [...words], options: { seed: text, kills: text, minutes: text } })
  const number = (name: keyof typeof values, otherwise: number): number => {
    const value = Number(values[name] ?? otherwise)
    if (Number.isInteger(value) && value > 0) return value
    throw new Error(`--${name} must be a whole number above zero, not ${JSON.stringify(values[name])}`)
  }
  const seed = number('seed', 1 + Math.floor(Math.random() * 1_000_000))
  return { seed, kills: number('kills', 200), minutes: number('minutes', 10) }
}

async function report(database: string, options: StormOptions): Promise<boolean> {
  const { seed } = options
  console.log(`${database}: seed ${seed}, up to ${options.kills} kills in ${options.minutes} min`)
  const { kills, orders, refused, seconds, wrongs } = await runStorm(options)
  console.log(`  ${kills} kills, ${orders} orders (${refused} refused) in ${seconds.toFixed(0)} s`)
  for (const wrong of wrongs) console.log(`  ✗ ${wrong}`)
  if (wrongs.length > 0)
    console.log(`  again: npm run storm -- --seed ${seed} --kills ${options.kills} --minutes ${options.minutes}`)
  return wrongs.length === 0
}
