import { systemClock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import type { ServiceApi } from '../site/service-api.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, print, printJson } from './io.ts'
import { connect } from './service.ts'
import { table } from './table.ts'

export interface FollowedCommand {
  readonly id: number
  readonly plan: string
  readonly instance: string
  readonly phase: string
  readonly state: 'waiting' | 'running' | 'done' | 'failed'
  readonly account?: string
  readonly requestedBy: string
  readonly message?: string
  readonly createdAt: string
  readonly steps?: readonly FollowedStep[]
  readonly undoes?: readonly string[]
}

interface FollowedStep {
  readonly step: string
  readonly state: string
  readonly does: string
  readonly durationMs?: number
  readonly waiting?: string
  readonly waitingSince?: string
  readonly message?: string
  readonly output?: readonly string[]
}

export interface ListOptions extends GlobalOptions {
  readonly account?: string | undefined
  readonly plan?: string | undefined
  readonly only?: string | undefined
  readonly limit?: number | undefined
}

/** The service's newest orders. */
export async function listOrders(options: ListOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  const query = new URLSearchParams({ limit: String(options.limit ?? 30) })
  const filters = { account: options.account, plan: options.plan, state: options.only }
  for (const [name, value] of Object.entries(filters)) if (value !== undefined) query.set(name, value)
  const path = `/api/v2/commands?${query.toString()}`
  const { commands } = await api.call<{ commands: FollowedCommand[] }>({ path })
  if (options.json === true) printJson(io, commands)
  else print(io, ...table([['ID', 'SERVICE', 'PHASE', 'STATE', 'ACCOUNT', 'ABOUT'], ...commands.map(rowOf)]))
  return exitCodes.ok
}

function rowOf(command: FollowedCommand): string[] {
  const { id, phase, state, account = '', message = '' } = command
  return [String(id), nameOf(command), phase, state, account, message]
}

function nameOf({ plan, instance }: FollowedCommand): string {
  return instance === '' ? plan : `${plan} ${instance}`
}

/** One order with its steps, what they wait for and said, and what an undo would take back. */
export async function showOrder(id: number, options: GlobalOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  const command = await api.call<FollowedCommand>({ path: `/api/v2/commands/${id}` })
  if (options.json === true) printJson(io, command)
  else print(io, ...detailLines(command))
  return exitCodes.ok
}

function detailLines(command: FollowedCommand): string[] {
  const { id, phase, state, account, requestedBy, message, steps = [], undoes = [] } = command
  const about = account === undefined ? '' : ` for ${account}`
  return [
    `command ${id}: ${phase} ${nameOf(command)}${about}, ordered by ${requestedBy}: ${state}`,
    ...(message === undefined ? [] : [`  ${message}`]),
    ...steps.flatMap(stepLines),
    ...(undoes.length === 0 ? [] : [`undo takes back: ${undoes.join(', ')}`]),
  ]
}

function stepLines({
  step,
  state,
  does,
  durationMs,
  waiting,
  waitingSince,
  message,
  output = [],
}: FollowedStep): string[] {
  const time = durationMs === undefined ? '' : ` (${Math.round(durationMs / 100) / 10} s)`
  const since = waitingSince === undefined ? '' : ` since ${waitingSince}`
  return [
    `${does === 'remove' ? '-' : '+'} ${step}: ${state}${time}${message === undefined ? '' : `, ${message}`}`,
    ...(waiting === undefined ? [] : [`    waits: ${waiting}${since}`]),
    ...output.slice(-20).map((line) => `    ${line}`),
  ]
}

export type Change = 'cancel' | 'retry' | 'undo'

export async function changeOrder(what: Change, id: number, options: GlobalOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  const command = await api.call<FollowedCommand>({ method: 'POST', path: `/api/v2/commands/${id}/${what}`, body: {} })
  if (options.json === true) printJson(io, command)
  else print(io, `command ${command.id}: ${command.phase} ${nameOf(command)}, ${command.message ?? command.state}`)
  return exitCodes.ok
}

/** Every step and line as it happens, to the end; the exit code tells how it came out. */
export async function followCommand(id: number, options: GlobalOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  const show = options.json === true ? () => {} : (line: string) => print(io, line)
  const last = await followToEnd(api, id, show, io.interrupted)
  if (options.json === true) printJson(io, last ?? { id })
  if (last?.state !== 'failed') return exitCodes.ok
  if (options.json !== true) io.err.write(`command ${id} failed: ${last.message ?? 'see its steps'}\n`)
  return exitCodes.failed
}

/** Tells every step and line to `show`; answers with how it ended. */
export async function followToEnd(
  api: ServiceApi,
  id: number,
  show: (line: string) => void,
  signal: AbortSignal,
): Promise<FollowedCommand | undefined> {
  let lastId = ''
  let command: FollowedCommand | undefined
  const said = new Map<string, string>()
  for (let losses = 0; ; ) {
    try {
      for await (const { event, id: eventId, data } of api.events(`/api/v2/commands/${id}/events`, lastId, signal)) {
        losses = 0
        if (eventId !== '') lastId = eventId
        if (event === 'end') return command
        if (event === 'output') {
          const { step, line } = JSON.parse(data) as { step: string; line: string }
          show(`  ${step}: ${line}`)
        }
        if (event !== 'state') continue
        command = JSON.parse(data) as FollowedCommand
        for (const line of stateLines(command, said)) show(line)
      }
    } catch (error) {
      // Output is kept: whoever comes back goes on where it stopped.
      if (!(error instanceof AppError) || error.kind !== 'unavailable' || losses >= 10) throw error
    }
    losses += 1
    await systemClock.sleep(500, signal)
  }
}

/** What changed since it was said last. */
function stateLines(command: FollowedCommand, said: Map<string, string>): string[] {
  const about = command.message === undefined ? '' : `, ${command.message}`
  const whole = ['', `command ${command.id}: ${command.phase} ${nameOf(command)} ${command.state}${about}`] as const
  const steps = (command.steps ?? [])
    .filter(({ state }) => state !== 'waiting')
    .map(({ step, state, waiting, message }) => {
      const why = waiting === undefined ? message : `waits: ${waiting}`
      return [step, `${step}: ${state}${why === undefined ? '' : `, ${why}`}`] as const
    })
  const fresh = [whole, ...steps].filter(([name, line]) => said.get(name) !== line)
  for (const [name, line] of fresh) said.set(name, line)
  return fresh.map(([, line]) => line)
}
