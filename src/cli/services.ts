import { readFileSync } from 'node:fs'
import { accountActionNames } from '../books/books-actions.ts'
import { AppError } from '../base/errors.ts'
import { parsePlan } from '../catalog/load.ts'
import type { Plan } from '../catalog/plan.ts'
import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, print, printJson } from './io.ts'
import { connect } from './service.ts'
import { table } from './table.ts'

/** A plan as the service shows it. */
interface ShownPlan extends Pick<Plan, 'plan' | 'title' | 'description' | 'orderable' | 'phases' | 'limit'> {
  readonly parameters: { readonly properties?: Readonly<Record<string, Parameter>>; readonly required?: string[] }
  readonly unavailable?: string
}

interface Parameter {
  readonly type?: string | string[]
  readonly enum?: unknown[]
  readonly default?: unknown
  readonly unit?: string
  readonly minimum?: number | Other
  readonly maximum?: number | Other
  readonly title?: string
  readonly description?: string
}

/** The value of another parameter, such as `1/min`. */
interface Other {
  readonly $data: string
}

/** What can be ordered. */
export async function listServices(options: GlobalOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  const { plans } = await api.call<{ plans: ShownPlan[] }>({ path: '/api/v2/plans' })
  if (options.json === true) printJson(io, plans)
  else {
    const rows = plans.map(({ plan, title, orderable, unavailable }) => [
      plan,
      orderable,
      unavailable === undefined ? title : `${title} (${unavailable})`,
    ])
    print(io, ...table([['PLAN', 'FOR', 'ABOUT'], ...rows]))
  }
  return exitCodes.ok
}

/** One plan with its parameters. */
export async function showService(name: string, options: GlobalOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  const plan = await api.call<ShownPlan>({ path: `/api/v2/plans/${encodeURIComponent(name)}` })
  if (options.json === true) printJson(io, plan)
  else {
    print(io, `${plan.plan}: ${plan.title}`, ...(plan.description === '' ? [] : [plan.description]))
    if (plan.unavailable !== undefined) print(io, plan.unavailable)
    print(io, `phases: ${plan.phases.join(', ')}; ordered by: ${plan.orderable}; at most ${plan.limit} per account`)
    const rows = Object.entries(plan.parameters.properties ?? {}).map(([parameter, schema]) => [
      parameter,
      kindOf(schema),
      plan.parameters.required?.includes(parameter) === true ? 'required' : defaultOf(schema),
      schema.title ?? schema.description ?? '',
    ])
    if (rows.length > 0) print(io, '', ...table([['PARAMETER', 'VALUES', 'DEFAULT', 'ABOUT'], ...rows]))
  }
  return exitCodes.ok
}

function kindOf({ type, enum: words, unit, minimum, maximum }: Parameter): string {
  if (words !== undefined) return words.map(String).join('|')
  const range = minimum === undefined && maximum === undefined ? '' : ` ${limitOf(minimum)}..${limitOf(maximum)}`
  return `${[type ?? 'any'].flat().join('|')}${range}${unit === undefined ? '' : ` ${unit}`}`
}

function limitOf(limit: number | Other | undefined): string {
  return typeof limit === 'object' ? (limit.$data.split('/').at(-1) ?? '') : String(limit ?? '')
}

function defaultOf(schema: Parameter): string {
  return schema.default === undefined ? '' : JSON.stringify(schema.default)
}

/** Reads a plan file as the service would; its first mistake is named with line and field. */
export async function checkService(file: string, options: GlobalOptions, io: Io): Promise<ExitCode> {
  const plan = parsePlan(readText(file), file, new Set(accountActionNames))
  if (options.json === true) printJson(io, { ok: true, plan: plan.plan, steps: plan.steps.map(({ step }) => step) })
  else print(io, `${file}: plan ${plan.plan} is right (${plan.steps.length} steps)`)
  return exitCodes.ok
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new AppError('not-found', 'file-missing', `reading the plan file ${file}`, { cause })
  }
}
