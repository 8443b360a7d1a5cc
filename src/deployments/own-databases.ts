import type { Plan, Values } from '../catalog/plan.ts'
import { resolve } from '../catalog/resolve.ts'
import type { Settings } from './settings.ts'

/** The qualifier that a deployment of this plan is reached by; `undefined` when it brings no database. */
export function qualifierOf(plan: Plan, params: Values, instance: string): string | undefined {
  if (plan.qualifier === undefined) return undefined
  return String(
    resolve(plan.qualifier.name, { params, instance }, { plan: plan.plan, step: 'qualifier', field: 'name' }),
  )
}

/** Where a deployment's database is, and who signs in to it: kept with the account's settings, by the deployment's name. */
export interface OwnDatabase {
  readonly qualifier: string
  readonly host: string
  readonly user: string
  readonly password: string
  readonly database: string
}

/** The account's settings with its databases' own qualifiers: tasks go by the account's broker as ever. */
export function withOwnDatabases(settings: Settings): Settings {
  const { default: main } = settings.qualifiers
  const databases = Object.values(settings.databases ?? {})
  if (main === undefined || databases.length === 0) return settings
  const own = databases.map(({ qualifier, host, user, password, database }) => {
    const access = { mongodbname: database, mongouser: user, mongopassword: password, 'mongohost.in': host }
    const { mongohost: _outside, ...rest } = main
    return [qualifier, { ...rest, ...access }] as const
  })
  return { ...settings, qualifiers: { ...Object.fromEntries(own), ...settings.qualifiers } }
}
