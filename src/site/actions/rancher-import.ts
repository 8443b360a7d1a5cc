import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { Action, ActionContext } from '../../actions/action.ts'
import type { TerraformApplyInput } from '../../actions/terraform-apply.ts'
import { type Kubernetes, type Manifest, type ObjectRef, refOf } from '../../adapters/kubernetes/port.ts'
import type { Rancher } from '../../adapters/rancher/port.ts'
import { AppError } from '../../base/errors.ts'
import { rootLock } from '../../clusters/terraform-states.ts'
import { siteNamespaces } from '../components.ts'
import type { KeptAgent } from '../kept-agent.ts'
import { type CloudRootsInput, cloudRootsInput, writeStage } from './cloud-roots.ts'

export interface RancherImportDeps extends KeptAgent {
  readonly kept: Action<TerraformApplyInput>
  readonly rancher: Rancher
  readonly kubernetes: Kubernetes
  /** `catalog/providers`. */
  readonly providers: string
}

const stage = 'import'
const agent: ObjectRef = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  name: 'cattle-cluster-agent',
  namespace: 'cattle-system',
}
const server: ObjectRef = { ...agent, name: 'rancher' }
const projectNote = 'field.cattle.io/projectId'

/**
 * Makes a cluster known to a Rancher that did not make it: registers it, puts Rancher's agent there, waits for both, and
 * puts the site's namespaces into the site's project. Removed, Rancher forgets it and the agent goes; the cluster stays.
 */
export function rancherImportAction(deps: RancherImportDeps): Action<CloudRootsInput> {
  const { kept, kubernetes, providers, lastAgent, keepAgent } = deps
  return {
    name: 'rancher-import',
    input: cloudRootsInput,
    locks: () => [rootLock(stage)],
    observe: (wanted, context) => kept.observe(applied(wanted), context),
    ensure: async (wanted, context) => {
      const isNew = lastAgent() === undefined
      if (isNew) keepAgent(await register(wanted, deps, context))
      await writeStage(stage, wanted, { providers })
      const { changed, message, outputs } = await kept.ensure(applied(wanted), context)
      const project = String(outputs?.['project_id'])
      await intoProject(project, kubernetes)
      const told = { project_id: project }
      return { changed: changed || isNew, message: isNew ? 'registered' : message, outputs: told }
    },
    remove: async (wanted, context) => {
      const { changed, message } = await kept.remove(applied(wanted), context)
      // A cluster of the site's own goes with all that is in it.
      const objects = wanted.cloud.kind === 'existing' ? (lastAgent() ?? []) : []
      for (const object of objects.toReversed())
        await kubernetes.delete(object, { signal: context.signal, onWaiting: (reason) => context.waiting(reason) })
      keepAgent(undefined)
      return { changed, message }
    },
  }
}

function applied({ folder }: CloudRootsInput): TerraformApplyInput {
  return { root: join(folder, stage), deletes: 'allow', env: {} }
}

/** Answers with the agent's objects, which are in the cluster then. */
async function register(
  wanted: CloudRootsInput,
  { kept, rancher, kubernetes, providers }: RancherImportDeps,
  context: ActionContext,
): Promise<readonly ObjectRef[]> {
  const { state } = await kept.observe(applied(wanted), context)
  if ((await kubernetes.find(server)) !== undefined) {
    const text =
      'rancher: a Rancher runs in this cluster, which it looks after as its cluster local; right is another cluster for the Rancher, or rancher: {kind: none}'
    throw new AppError('conflict', 'cluster-registered', text, { details: { field: 'rancher' } })
  }
  if (state === 'absent' && (await kubernetes.find(agent)) !== undefined) {
    const text =
      'a Rancher looks after this cluster already (Deployment cattle-system/cattle-cluster-agent); right is to take it out there first, or rancher: {kind: none}'
    throw new AppError('conflict', 'cluster-registered', text, { details: { field: 'rancher' } })
  }
  await writeStage(stage, wanted, { providers, registered: false })
  const { outputs } = await kept.ensure(applied(wanted), context)
  const objects = objectsIn(await rancher.manifest(String(outputs?.['manifest_url'])))
  for (const object of objects) await kubernetes.apply(object)
  return objects.map(refOf)
}

function objectsIn(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as Manifest | null) ?? [])
}

async function intoProject(project: string, kubernetes: Kubernetes): Promise<void> {
  for (const name of siteNamespaces) {
    const ref = { apiVersion: 'v1', kind: 'Namespace', name }
    const known = await kubernetes.find(ref)
    if (known === undefined || known.metadata.annotations?.[projectNote] === project) continue
    await kubernetes.change(ref, { metadata: { annotations: { [projectNote]: project } } })
  }
}
