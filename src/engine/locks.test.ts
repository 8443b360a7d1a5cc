import { expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { openDatabase } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { lockHolder } from './locks.ts'

test('works of one task that run together give back their own locks only', async () => {
  const db = openDatabase('sqlite::memory:')
  await migrate(db)
  const holding = lockHolder(db, systemClock)
  const task = { id: 1, fencing: 1 }
  const held = async () =>
    (await db.selectFrom('locks').select('name').orderBy('name').execute()).map(({ name }) => name)
  await holding(['a', 'b'], task, async () => {
    await holding(['c'], task, async () => expect(await held()).toEqual(['a', 'b', 'c']))
    await holding([], task, async () => {})
    expect(await held()).toEqual(['a', 'b'])
  })
  expect(await held()).toEqual([])
  await db.destroy()
})
