import { z } from 'zod'
import type { Action, ActionContext } from '../../actions/action.ts'
import type { Helm } from '../../adapters/helm/port.ts'
import { describeRef, type Kubernetes, type Manifest, refOf } from '../../adapters/kubernetes/port.ts'
import { AppError } from '../../base/errors.ts'
import { deleteCommand } from '../disk-commands.ts'
import { findNamespaces, inAll } from '../holdings.ts'
import type { Sleep } from '../service-wait.ts'

const input = z.strictObject({
  site: z.string().min(1),
  /** Whose: the accounts' namespaces, or the site's own. */
  of: z.enum(['accounts', 'site']),
  /** `keep`: claims stay, and the namespaces that hold any. */
  data: z.enum(['keep', 'delete']),
})

export type SiteObjectsInput = z.infer<typeof input>

export interface SiteObjectsDeps {
  readonly kubernetes: Kubernetes
  readonly helm: Helm
  readonly sleep: Sleep
}

const core = 'v1'
/** What runs or costs, in the order in which it is taken away: what makes pods first. */
const running = [
  ['batch/v1', 'CronJob'],
  ['batch/v1', 'Job'],
  ['apps/v1', 'Deployment'],
  ['apps/v1', 'StatefulSet'],
  [core, 'Service'],
  [core, 'Pod'],
] as const

/**
 * For removals from a cluster that stays: what the charts' releases leave, and everything of the accounts. Ends when
 * nothing is left but what is kept; that is looked up, not believed.
 */
export function siteObjectsAction(deps: SiteObjectsDeps): Action<SiteObjectsInput> {
  return {
    name: 'site-objects',
    input,
    locks: ({ of }) => [`site-objects:${of}`],
    // What is kept is not looked for: a removal is over without it.
    observe: async (wanted) => {
      const names = await namespacesOf(deps.kubernetes, wanted.site, wanted.of)
      const bare = wanted.data === 'delete' ? names : await withoutClaims(deps.kubernetes, names)
      const left = [...(await leftovers(wanted, names, deps.kubernetes)), ...bare.map((name) => `Namespace ${name}`)]
      return left.length === 0 ? { state: 'absent' } : { state: 'present', detail: left.slice(0, 5).join(', ') }
    },
    ensure: async () => {
      throw new AppError('bug', 'removal-only', 'site-objects is a step of removals')
    },
    remove: async (wanted, context) => {
      const names = await namespacesOf(deps.kubernetes, wanted.site, wanted.of)
      const kept: string[] = []
      for (const name of names) kept.push(...(await clearNamespace(name, wanted, deps, context)))
      await verifyGone(wanted, names, deps, context)
      if (wanted.data === 'delete') kept.push(...(await retained(deps.kubernetes, names)))
      for (const one of kept) context.output(`kept: ${one}`)
      const left = kept.length === 0 ? 'nothing is left' : `kept: ${kept.join(', ')}`
      return { changed: names.length > 0, message: `${names.length} namespaces cleared; ${left}` }
    },
  }
}

async function namespacesOf(
  kubernetes: Kubernetes,
  site: string,
  of: SiteObjectsInput['of'],
): Promise<readonly string[]> {
  const { own, accounts } = await findNamespaces(kubernetes, site)
  return of === 'site' ? own : accounts
}

async function withoutClaims(kubernetes: Kubernetes, namespaces: readonly string[]): Promise<readonly string[]> {
  const claims = await inAll(kubernetes, 'PersistentVolumeClaim', namespaces)
  return namespaces.filter((name) => !claims.some(({ metadata }) => metadata.namespace === name))
}

/** Answers with the claims that stay. */
async function clearNamespace(
  namespace: string,
  { data, of }: SiteObjectsInput,
  { kubernetes, helm }: SiteObjectsDeps,
  context: ActionContext,
): Promise<string[]> {
  const { signal } = context
  const claims = await inAll(kubernetes, 'PersistentVolumeClaim', [namespace])
  const onWaiting = (reason: string) => context.waiting(reason)
  // Releases first: workers of accounts finish their tasks. The site's own went before, each by its step.
  if (of === 'accounts')
    for (const { name } of await helm.list(namespace)) {
      context.waiting(`the end of release ${namespace}/${name}`)
      await helm.uninstall(name, namespace, { signal, output: (line) => context.output(line) })
    }
  for (const [apiVersion, kind] of running)
    for (const object of await inAll(kubernetes, kind, [namespace], apiVersion))
      await kubernetes.delete(refOf(object), { signal, onWaiting })
  const isKept = data === 'keep' && claims.length > 0
  if (isKept) await deleteSecrets(namespace, kubernetes, signal)
  else await kubernetes.delete({ apiVersion: core, kind: 'Namespace', name: namespace }, { signal, onWaiting })
  context.waiting(undefined)
  return isKept ? claims.map((claim) => describeRef(refOf(claim))) : []
}

/** They lie in the state folder, and come back with the next `up`. */
async function deleteSecrets(namespace: string, kubernetes: Kubernetes, signal: AbortSignal): Promise<void> {
  const where = { namespace, labels: 'app.kubernetes.io/part-of=omegaml' }
  for (const secret of await kubernetes.list({ apiVersion: core, kind: 'Secret' }, where))
    await kubernetes.delete(refOf(secret), { signal })
}

const clusterWide = [
  ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'],
  ['storage.k8s.io/v1', 'StorageClass'],
] as const

/** Clouds take disks away some time after their claims. */
const LOOKS = 60
const PAUSE_MS = 2000

async function verifyGone(
  wanted: SiteObjectsInput,
  namespaces: readonly string[],
  deps: SiteObjectsDeps,
  context: ActionContext,
): Promise<void> {
  for (let look = 1; ; look += 1) {
    const left = await leftovers(wanted, namespaces, deps.kubernetes)
    if (left.length === 0) return context.waiting(undefined)
    if (look === LOOKS)
      throw new AppError('conflict', 'leftovers', `still in the cluster: ${left.slice(0, 20).join('; ')}`, {
        details: { leftovers: left },
      })
    context.waiting(left.slice(0, 3).join('; '))
    await deps.sleep(PAUSE_MS, context.signal)
  }
}

async function leftovers(
  { of, data }: SiteObjectsInput,
  namespaces: readonly string[],
  kubernetes: Kubernetes,
): Promise<string[]> {
  const inside = await Promise.all(
    running.map(async ([apiVersion, kind]) => await inAll(kubernetes, kind, namespaces, apiVersion)),
  )
  const labels = 'app.kubernetes.io/part-of=omegaml'
  const wide = await Promise.all(
    (of === 'site' ? clusterWide : []).map(
      async ([apiVersion, kind]) => await kubernetes.list({ apiVersion, kind }, { labels }),
    ),
  )
  const volumes = data === 'delete' ? await volumesOf(kubernetes, namespaces, 'Delete') : []
  return [...inside.flat(), ...wide.flat(), ...volumes].map((one) => describeRef(refOf(one)))
}

/** Volumes whose claims are gone and whose data stays outside, because their class says so. */
async function retained(kubernetes: Kubernetes, namespaces: readonly string[]): Promise<string[]> {
  const volumes = await volumesOf(kubernetes, namespaces, 'Retain')
  return volumes.map(({ metadata: { name }, spec }) => {
    const { csi } = (spec ?? {}) as VolumeSpec
    const disk = csi === undefined ? 'delete its disk' : deleteCommand({ driver: csi.driver, handle: csi.volumeHandle })
    return `PersistentVolume ${name}, whose class keeps its disk (kubectl delete pv ${name}; ${disk})`
  })
}

async function volumesOf(
  kubernetes: Kubernetes,
  namespaces: readonly string[],
  policy: 'Delete' | 'Retain',
): Promise<readonly Manifest[]> {
  const all = await kubernetes.list({ apiVersion: core, kind: 'PersistentVolume' })
  return all.filter(({ spec }) => {
    const { claimRef, persistentVolumeReclaimPolicy } = (spec ?? {}) as VolumeSpec
    return persistentVolumeReclaimPolicy === policy && namespaces.includes(claimRef?.namespace ?? '')
  })
}

interface VolumeSpec {
  readonly csi?: { readonly driver: string; readonly volumeHandle: string }
  readonly claimRef?: { readonly namespace?: string }
  readonly persistentVolumeReclaimPolicy?: string
}
