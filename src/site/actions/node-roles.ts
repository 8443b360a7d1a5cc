import { z } from 'zod'
import type { Action } from '../../actions/action.ts'
import type { Kubernetes } from '../../adapters/kubernetes/port.ts'
import {
  changeNodes,
  type ExistingCluster,
  lookAt,
  nodeChanges,
  type NodeChange,
} from '../../clusters/existing-cluster.ts'
import { existingInput } from './cluster-fit.ts'

const input = z.strictObject({ cluster: existingInput })

export type NodeRolesInput = z.infer<typeof input>

type Roles = ExistingCluster['roles']

export interface NodeRolesDeps {
  readonly kubernetes: Kubernetes
  /** What was given last: nodes that are named no more lose it. */
  readonly lastRoles: () => Roles
  readonly keepRoles: (roles: Roles) => void
}

/** Labels and taints of the nodes that the site file names; a removal takes exactly these away. */
export function nodeRolesAction(deps: NodeRolesDeps): Action<NodeRolesInput> {
  return {
    name: 'node-roles',
    input,
    locks: () => ['nodes'],
    observe: async ({ cluster }) => {
      const given = { ...(cluster.roles as Roles), ...deps.lastRoles() }
      if ((await takenBack(deps.kubernetes, given)).length === 0) return { state: 'absent' }
      const changes = await changesFor(deps.kubernetes, deps.lastRoles(), cluster.roles as Roles)
      return { state: changes.length === 0 ? 'present' : 'different', detail: describe(changes) }
    },
    ensure: async ({ cluster }, context) => {
      const roles = cluster.roles as Roles
      const before = deps.lastRoles()
      // Before: a crash after this line takes back a little more than was given, never less.
      deps.keepRoles({ ...before, ...roles })
      const changes = await changeNodes(deps.kubernetes, () => changesFor(deps.kubernetes, before, roles))
      deps.keepRoles(roles)
      if (changes.length === 0) return { changed: false, message: 'already as wanted' }
      context.output(describe(changes))
      return { changed: true, message: `${changes.length} nodes changed` }
    },
    remove: async ({ cluster }, context) => {
      const given = { ...(cluster.roles as Roles), ...deps.lastRoles() }
      const changes = await changeNodes(deps.kubernetes, () => takenBack(deps.kubernetes, given))
      deps.keepRoles({})
      if (changes.length === 0) return { changed: false, message: 'already absent' }
      context.output(describe(changes))
      return { changed: true, message: `${changes.length} nodes have no role of ours any more` }
    },
  }
}

/** Nodes of which neither this file nor the last one speaks are none of our business, whatever label they have. */
async function changesFor(kubernetes: Kubernetes, before: Roles, roles: Roles): Promise<readonly NodeChange[]> {
  const ours = namesOf({ ...before }).concat(namesOf(roles))
  if (ours.length === 0) return []
  if (Object.keys(roles).length === 0) return await takenBack(kubernetes, before)
  const { nodes } = await lookAt(kubernetes, { roles })
  return nodeChanges(nodes, roles, before).filter(({ node }) => ours.includes(node))
}

async function takenBack(kubernetes: Kubernetes, roles: Roles): Promise<readonly NodeChange[]> {
  const { nodes } = await lookAt(kubernetes, { roles })
  return nodes.flatMap(({ name, role, taints, resourceVersion }) => {
    const given = role === undefined ? undefined : roles[role]
    if (given?.nodes.includes(name) !== true) return []
    const others = taints.filter(
      ({ key, effect }) => given.taints?.some((one) => one.key === key && one.effect === effect) !== true,
    )
    return [{ node: name, role: undefined, taints: others, resourceVersion }]
  })
}

function namesOf(roles: Roles): string[] {
  return Object.values(roles).flatMap(({ nodes }) => [...nodes])
}

function describe(changes: readonly NodeChange[]): string {
  return changes.map(({ node, role }) => `${node}: ${role === undefined ? 'no role' : `role ${role}`}`).join(', ')
}
