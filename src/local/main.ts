import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { AppError, explain, kindOf } from '../base/errors.ts'
import { createLog } from '../base/log.ts'

const usage = `usage: node src/local/main.ts <word> [options]
  start      start the local cloud in the background and wait until it answers
  serve      run it in the foreground
  stop       end it; cluster and machines go on
  versions   versions of Kubernetes that its clusters and machines have, a line each
  disk       prepare the disk of new machines: unpack the images HOST:PORT/NAME@DIGEST … there
  leftovers  what of the site is on this host, a line for each thing (--json: one object)
  forward    ports of the host (a program of the local cloud's own)
options: --state DIR  its folder    --bin DIR  the built programs (or CLOUDMGR_TOOLS_BIN)    --config FILE
         --disk DIR  (start, disk) what new machines have on their disk from the beginning
         --simulated  (start) without root: all machines are simulated`

/** Each word loads only what it needs: the small programs stay small. Returns the exit code. */
export async function runLocal(words: readonly string[]): Promise<number> {
  try {
    return await dispatch(words)
  } catch (error) {
    console.error(explain(error))
    if (kindOf(error) === 'bug') console.error(error)
    return kindOf(error) === 'invalid' ? 2 : 1
  }
}

async function dispatch(words: readonly string[]): Promise<number> {
  const text = { type: 'string' } as const
  const options = {
    state: text,
    bin: text,
    config: text,
    disk: text,
    site: text,
    simulated: { type: 'boolean' },
    json: { type: 'boolean' },
  } as const
  const { values, positionals } = parseArgs({ args: [...words], options, allowPositionals: true })
  const state = (): string => resolve(needed('--state', values.state))
  const bin = (): string => resolve(needed('--bin', values.bin ?? process.env['CLOUDMGR_TOOLS_BIN']))
  switch (positionals[0] ?? '') {
    case 'start':
      return print(await (await import('./keeper.ts')).startSupervisor(state(), bin(), values))
    case 'serve':
      return (await import('./serve.ts')).serve(state(), bin(), createLog('local-cloud'))
    case 'stop':
      return print(await (await import('./keeper.ts')).stopSupervisor(state()))
    case 'versions':
      for (const version of (await import('./versions.ts')).versionsInUse(state())) console.log(version)
      return 0
    case 'disk': {
      const { prepareDisk } = await import('./prepared-disk.ts')
      const order = { disk: resolve(needed('--disk', values.disk)), images: positionals.slice(1), binDir: bin() }
      return print({ prepared: await prepareDisk(order) })
    }
    case 'leftovers': {
      const { leftovers, lines } = await import('./leftovers.ts')
      const found = await leftovers(state())
      if (values.json === true) return print(found)
      for (const line of lines(found)) console.log(line)
      return 0
    }
    case 'forward': {
      const { Forwarder } = await import('./forward.ts')
      new Forwarder(resolve(needed('--config', values.config)), createLog('forward')).start()
      return new Promise(() => {
        // Never settles: it runs until it is ended.
      })
    }
    default:
      console.error(usage)
      return 2
  }
}

function needed(option: string, value: string | undefined): string {
  if (value !== undefined) return value
  throw new AppError('invalid', 'option', `${option} is missing`)
}

function print(value: unknown): number {
  console.log(JSON.stringify(value, null, 2))
  return 0
}

if (import.meta.main) process.exitCode = await runLocal(process.argv.slice(2))
