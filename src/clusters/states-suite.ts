import { randomBytes } from 'node:crypto'
import { beforeEach, expect, test } from 'vitest'
import { parseKeyRing } from '../base/key-ring.ts'
import { Status } from '../base/status.ts'
import type { Db } from '../db/database.ts'
import { getState, listStates, listVersions } from './state-rows.ts'
import { createStateStore, rootLock, type StateStore, type StateUser } from './terraform-states.ts'

const root = 'nodepool-alice-gpu'
const keys = parseKeyRing(`k1:${randomBytes(32).toString('base64')}`, 'the test')
/** When the leases of the tasks below end. */
const LEASE = 1_000

/** States and their rows, the same on both databases. */
export function statesSuite(open: () => Promise<Db>): void {
  let db: Db
  let states: StateStore
  let time = 0

  beforeEach(async () => {
    db = await open()
    for (const table of ['terraform_states', 'terraform_state_versions', 'locks', 'tasks', 'commands'] as const)
      await db.deleteFrom(table).execute()
    time = 10
    states = createStateStore(db, keys, () => time)
  })

  /** A task that the engine runs, with the lock of the root. */
  async function working(fencing: number): Promise<StateUser> {
    await db.deleteFrom('locks').execute()
    await db.deleteFrom('tasks').execute()
    const command = {
      plan: 'nodepool',
      instance: 'gpu',
      phase: 'install',
      params: '{}',
      requested_by: 'alice',
      content_hash: '',
      lane: 'a',
      status: Status.pending,
      due_at: 1,
      created_at: 1,
    } as const
    const { insertId } = await db.insertInto('commands').values(command).executeTakeFirstOrThrow()
    const task = {
      command_id: Number(insertId),
      step: 'nodes',
      action: 'nodepool',
      position: 0,
      after: '[]',
      input: '{}',
      mode: 'ensure',
      state: 'running',
      due_at: 1,
      attempts: 1,
      fencing,
      lease_until: LEASE,
    } as const
    const made = await db.insertInto('tasks').values(task).executeTakeFirstOrThrow()
    const id = Number(made.insertId)
    await db
      .insertInto('locks')
      .values({ name: rootLock(root), task_id: id, fencing, taken_at: 5 })
      .execute()
    return { root, task: id, fencing }
  }

  const state = (serial: number, names: readonly string[], lineage = 'l1') =>
    JSON.stringify({
      version: 4,
      serial,
      lineage,
      resources: names.map((name) => ({
        mode: 'managed',
        type: 't',
        name,
        instances: [{ attributes: { x: 'geheim' } }],
      })),
    })

  async function written(...texts: string[]): Promise<StateUser> {
    const user = await working(1)
    await states.lock(user, 'one', '{"ID":"one","Info":"step nodes of command 1","Who":"root@pod"}')
    for (const text of texts) await states.write(root, text, 'one')
    await states.unlock(root, 'one')
    return user
  }

  test('what may be told of states is read without a key', async () => {
    await written(state(1, ['a']), state(2, ['a', 'b']))
    await db.deleteFrom('locks').execute()
    const bytes = state(2, ['a', 'b']).length
    expect(await listStates(db, 20)).toEqual([
      { root, version: 2, changedAt: 10, serial: 2, bytes, addresses: ['t.a', 't.b'] },
    ])
    expect((await listVersions(db, root)).map(({ version, addresses }) => [version, addresses])).toEqual([
      [2, ['t.a', 't.b']],
      [1, ['t.a']],
    ])
  })

  test('an old version becomes the newest, and the ones between stay', async () => {
    const user = await written(state(1, ['a']), state(2, ['a', 'b']), state(3, []))
    time = 30
    expect(await states.restore(root, 2, { present: 3, user })).toMatchObject({ serial: 4, addresses: ['t.a', 't.b'] })
    expect(JSON.parse((await states.read(root)) ?? '')).toEqual(JSON.parse(state(4, ['a', 'b'])))
    expect((await listVersions(db, root)).map(({ version, writtenAt }) => [version, writtenAt])).toEqual([
      [4, 30],
      [3, 10],
      [2, 10],
      [1, 10],
    ])
    // Again, as after a crash: nothing is to be done.
    expect(await states.restore(root, 2, { present: 3, user })).toBeUndefined()
    expect((await getState(db, root, 20)).version).toBe(4)
  })

  const refused: { why: string; code: string; restore: () => Promise<unknown> }[] = [
    {
      why: 'of another history',
      code: 'state-lineage',
      restore: async () =>
        states.restore(root, 1, { present: 2, user: await written(state(1, []), state(2, [], 'l2')) }),
    },
    {
      why: 'that is not kept',
      code: 'state-version-unknown',
      restore: async () => states.restore(root, 9, { present: 1, user: await written(state(1, [])) }),
    },
    {
      why: 'of a root that never was',
      code: 'state-version-unknown',
      restore: async () => states.restore(root, 1, { present: 0 }),
    },
    {
      why: 'while a run has the lock',
      code: 'state-locked',
      restore: async () => {
        const user = await written(state(1, []), state(2, ['a']))
        await states.lock(user, 'two', '{"ID":"two"}')
        return await states.restore(root, 1, { present: 2, user })
      },
    },
    {
      why: 'when the state has moved on since it was ordered',
      code: 'state-moved',
      restore: async () => {
        const user = await written(state(1, []), state(2, ['a']), state(3, ['b']))
        return await states.restore(root, 1, { present: 2, user })
      },
    },
    {
      why: 'by a task that has lost the root',
      code: 'terraform-locked',
      restore: async () => {
        const user = await written(state(1, []), state(2, ['a']))
        await working(2)
        return await states.restore(root, 1, { present: 2, user })
      },
    },
  ]
  for (const { why, code, restore } of refused) {
    test(`no version ${why} is restored, and nothing is written`, async () => {
      await expect(restore()).rejects.toMatchObject({ code })
      const versions = await listVersions(db, root)
      expect(versions.length).toBe((await listStates(db, 20))[0]?.version ?? 0)
    })
  }

  test('a lock tells who has it, since when, and whether they live', async () => {
    const user = await written(state(1, []))
    await states.lock(user, 'one', '{"ID":"one","Info":"step nodes of command 1","Who":"root@pod"}')
    const step = expect.stringMatching(/^step nodes of command \d+ \(root@pod\)$/)
    expect((await getState(db, root, 20)).lock).toEqual({ holder: step, since: 10, alive: true })
    // Its lease has ended.
    expect((await getState(db, root, LEASE)).lock).toEqual({ holder: step, since: 10, alive: false })
  })

  test('a lock can be taken away, but not by a task that has lost the root', async () => {
    const user = await written(state(1, []))
    await states.lock(user, 'one', '{"ID":"one"}')
    const next = await working(2)
    await expect(states.release(root, user)).rejects.toMatchObject({ code: 'terraform-locked' })
    expect(await states.release(root, next)).toBe(true)
    expect(await states.release(root, next)).toBe(false)
    await expect(states.write(root, state(9, []), 'one')).rejects.toMatchObject({ code: 'terraform-locked' })
  })

  test('a root that nobody has is told by name', async () => {
    await expect(getState(db, 'nodepool-x', 20)).rejects.toMatchObject({ code: 'state-unknown' })
  })
}
