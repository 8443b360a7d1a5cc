import { appendFileSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { silentLog } from '../../src/base/log.ts'
import { type DatabaseOptions, openDatabase } from '../../src/db/database.ts'
import { createEngine, World } from './engine-world.ts'

export interface Orders {
  readonly database: DatabaseOptions
  /** Where the things are made, as files. */
  readonly folder: string
  /** The moment at which this process kills itself. */
  readonly killAt?: string
}

/** An engine in a process of its own; its orders come by IPC, and it ends with whoever gave them. */
process.once('disconnect', () => process.exit(0))
process.once('message', (orders) => void work(orders as Orders))

async function work({ database, folder, killAt }: Orders): Promise<void> {
  let phase = ''
  const moment = (name: string): void => {
    if (`${name}:${phase}` !== killAt) return
    process.kill(process.pid, 'SIGKILL')
    // The signal is on its way: not one more line may run.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  }
  const log = (text: string, fields: object | undefined): void => {
    const { step } = fields as { step: string }
    if (text === 'task started') moment(`claimed:${step}`)
    if (text === 'task ended') moment(`ended:${step}`)
  }
  const engine = createEngine(
    openDatabase(database),
    fileWorld(folder, moment),
    { leaseMs: 500, pollMs: 50 },
    {
      prepare: async (command) => {
        phase = command.phase
        moment('starting')
      },
      finished: async () => moment('ending'),
      log: { ...silentLog, info: log },
    },
  )
  await engine.start()
}

/** Things are files, so that their effects outlive the process; every effect leaves a line. */
function fileWorld(folder: string, moment: (name: string) => void): World {
  const world = new World()
  const file = (name: string) => join(folder, name)
  const note = (line: string) => appendFileSync(file('effects.log'), `${line}\n`)
  world.action.ensure = async ({ name }) => {
    moment(`before:${name}`)
    const changed = !existsSync(file(name))
    if (changed) writeFileSync(file(name), '')
    note(`${changed ? '+' : '='}${name}`)
    moment(`after:${name}`)
    return { changed, message: 'made', outputs: { id: `id-${name}` } }
  }
  world.action.remove = async ({ name }) => {
    moment(`before:${name}`)
    rmSync(file(name), { force: true })
    note(`-${name}`)
    moment(`after:${name}`)
    return { changed: true, message: 'removed' }
  }
  world.action.observe = async ({ name }) => ({ state: existsSync(file(name)) ? 'present' : 'absent' })
  world.action.locks = ({ name }) => [`file:${name}`]
  return world
}
