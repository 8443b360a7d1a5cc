import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import { type Door, type Doors, nothingThere } from '../clusters/doors.ts'
import type { Action, Thing } from './action.ts'

export const clusterName = z
  .string()
  .regex(/^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$/, 'up to 30 lower-case letters, digits and hyphens')

/** Where a step works: on the cluster of this name, or on the site's own when there is none. */
export interface Placed {
  readonly cluster?: string | undefined
}

/**
 * An action that works on the cluster which its input names. What was on a cluster that is gone is gone, too. Its locks and
 * things are told apart from those of the same names elsewhere.
 */
export function onCluster<Input>(
  make: (door: Door) => Action<Input>,
  home: Door,
  doors: () => Doors,
): Action<Input & Placed> {
  const own = make(home)
  const without = ({ cluster: _cluster, ...input }: Input & Placed): Input => input as Input
  const at = async (name: string | undefined): Promise<Action<Input>> =>
    name === undefined ? own : make((await doors().open(name)) ?? nothingThere)
  const { things } = own
  return {
    name: own.name,
    input: placedInput(own.input),
    locks: (input) => own.locks(without(input)).map((lock) => lockAt(input.cluster, lock)),
    ...(things === undefined
      ? {}
      : {
          things: async (input: Input & Placed) =>
            (await things(without(input))).map((thing) => thingAt(input.cluster, thing)),
        }),
    observe: async (input, context) => await (await at(input.cluster)).observe(without(input), context),
    ensure: async (input, context) => {
      await checkServes(input.cluster, doors())
      return await (await at(input.cluster)).ensure(without(input), context)
    },
    // Of a cluster that is gone: what it has elsewhere, such as a volume of the cloud, is still there.
    remove: async (input, context) => await (await at(input.cluster)).remove(without(input), context),
  }
}

/** `not-found` where there is no such cluster; `unavailable` while it is being made or removed. */
export async function checkServes(cluster: string | undefined, doors: Pick<Doors, 'open'>): Promise<void> {
  if (cluster === undefined || (await doors.open(cluster)) !== undefined) return
  const details = { field: 'cluster', value: cluster }
  throw new AppError('not-found', 'cluster-unknown', `there is no cluster ${cluster}`, { details })
}

/** As the action's own, and with the cluster beside. */
function placedInput<Input>(own: z.ZodType<Input>): z.ZodType<Input & Placed> {
  return z.looseObject({ cluster: clusterName.optional() }).transform(({ cluster, ...rest }, context) => {
    const parsed = own.safeParse(rest)
    if (parsed.success) return { ...parsed.data, cluster }
    for (const { path, message } of parsed.error.issues) context.addIssue({ code: 'custom', path: [...path], message })
    return z.NEVER
  })
}

/** Roots of Terraform are the engine's, wherever their machines are. */
function lockAt(cluster: string | undefined, lock: string): string {
  return cluster === undefined || !/^(kubernetes|helm):/.test(lock) ? lock : lock.replace(':', `:${cluster}:`)
}

/** What lies in another cluster is named with it: `second:om-alice/runtime-work`. */
export function thingAt(cluster: string | undefined, thing: Thing): Thing {
  if (cluster === undefined || (thing.system !== 'kubernetes' && thing.system !== 'helm')) return thing
  return { ...thing, name: `${cluster}:${thing.name}` }
}

/** The cluster of a thing, and its name there. */
export function placeOf(name: string): { readonly cluster: string | undefined; readonly name: string } {
  const [, cluster, inside] = /^([a-z0-9-]+):([^:]+)$/.exec(name) ?? []
  return inside === undefined ? { cluster: undefined, name } : { cluster, name: inside }
}
