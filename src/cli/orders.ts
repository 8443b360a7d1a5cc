import { AppError } from '../base/errors.ts'
import { parseParamText, typedParams } from '../catalog/param-text.ts'
import type { Phase } from '../catalog/plan.ts'
import { type FollowedCommand, followCommand } from './command.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, print, printJson } from './io.ts'
import { connect } from './service.ts'
import { table } from './table.ts'

export interface OrderOptions extends GlobalOptions {
  readonly account?: string | undefined
  /** `key=value[,key=value…]`, as the omega-ml client takes it. */
  readonly specs?: string | undefined
  /** One `key=value` each; commas are part of the value. */
  readonly param?: readonly string[] | undefined
  readonly preview?: boolean | undefined
  readonly wait?: boolean | undefined
  readonly yes?: boolean | undefined
  readonly key?: string | undefined
}

interface Preview {
  readonly name: string
  readonly phase: string
  readonly first: readonly Preview[]
  readonly changes: readonly { readonly parameter: string; readonly from?: unknown; readonly to?: unknown }[]
  readonly steps: readonly { readonly step: string; readonly action: string; readonly does: string }[]
  readonly undone: readonly string[]
}

/** Orders, and follows the order to its end; with `--preview` says what would change. */
export async function order(phase: Phase, plan: string, options: OrderOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  const texts = textsOf(options)
  const path = `/api/v2/plans/${encodeURIComponent(plan)}`
  const { parameters } = await api.call<{ parameters: Record<string, unknown> }>({ path })
  const { account } = options
  const wish = { plan, phase, params: typedParams(parameters, texts), ...(account === undefined ? {} : { account }) }
  const call = { method: 'POST', path: '/api/v2/orders' } as const
  if (options.preview === true) {
    const preview = await api.call<Preview>({ ...call, body: { ...wish, preview: true } })
    if (options.json === true) printJson(io, preview)
    else print(io, ...previewLines(preview))
    return exitCodes.ok
  }
  if (phase === 'remove') await confirmed(plan, options, io)
  const headers = options.key === undefined ? {} : { headers: { 'idempotency-key': options.key } }
  const command = await api.call<FollowedCommand>({ ...call, body: wish, ...headers })
  if (options.wait === false) {
    if (options.json === true) printJson(io, command)
    else print(io, `command ${command.id}: ${command.message ?? command.state}`)
    return exitCodes.ok
  }
  return await followCommand(command.id, options, io)
}

async function confirmed(plan: string, options: OrderOptions, io: Io): Promise<void> {
  if (options.yes === true) return
  const answer = await io.ask(`This removes ${plan} with what it holds. Type its plan (${plan}) to go on: `)
  if (answer?.trim() === plan) return
  const text = `nothing was ordered: type the plan's name (${plan}) when asked, or give --yes`
  throw new AppError('invalid', 'not-confirmed', text)
}

function textsOf({ specs = '', param = [] }: OrderOptions): Record<string, string> {
  const texts = new Map(Object.entries(parseParamText(specs)))
  for (const text of param) {
    const [, name = '', value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? []
    if (name === '') throw unusable(text, 'must be key=value')
    if (texts.has(name)) throw unusable(text, `gives ${name} a second time`)
    texts.set(name, value)
  }
  return Object.fromEntries(texts)
}

function unusable(text: string, problem: string): AppError {
  const value = text.slice(0, 100)
  return new AppError('invalid', 'parameters-malformed', `parameter ${JSON.stringify(value)} ${problem}`, {
    details: { field: 'param', value },
  })
}

function previewLines(preview: Preview): string[] {
  const { name, phase, first, changes, steps, undone } = preview
  const values = (value: unknown) => (value === undefined ? '' : JSON.stringify(value))
  return [
    ...first.flatMap((one) => [...previewLines(one), '']),
    `${phase} ${name}`,
    ...table(changes.map(({ parameter, from, to }) => [`  ${parameter}`, values(from), '→', values(to)])),
    ...table(steps.map(({ step, action, does }) => [`  ${does === 'remove' ? '-' : '+'} ${step}`, action])),
    `  if it fails: ${undone.length === 0 ? 'what was there before stays' : `undo takes back ${undone.join(', ')}`}`,
  ]
}
