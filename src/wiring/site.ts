import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Action } from '../actions/action.ts'
import { helmRelease } from '../actions/helm-release.ts'
import { kubernetesApply } from '../actions/kubernetes-apply.ts'
import { terraformApply } from '../actions/terraform-apply.ts'
import { createHelmCli } from '../adapters/helm/cli.ts'
import { createKubernetes } from '../adapters/kubernetes/api.ts'
import { createTerraformCli } from '../adapters/terraform/cli.ts'
import { systemClock } from '../base/clock.ts'
import { parsePlan } from '../catalog/load.ts'
import type { Plans } from '../catalog/plan.ts'
import { accountAction } from '../site/actions/account.ts'
import { adminKey, bootstrapAccountsAction } from '../site/actions/bootstrap-accounts.ts'
import { ensureDeploymentsAction } from '../site/actions/ensure-deployments.ts'
import { hostsLinesAction } from '../site/actions/hosts-lines.ts'
import { imageAction } from '../site/actions/image.ts'
import { kubeconfigAction } from '../site/actions/kubeconfig.ts'
import { localCloudAction } from '../site/actions/local-cloud.ts'
import { selfCheckAction } from '../site/actions/self-check.ts'
import { terraformRootsAction } from '../site/actions/terraform-roots.ts'
import { toolsAction } from '../site/actions/tools.ts'
import { readHostFacts } from '../site/host-facts.ts'
import { openSiteJournal } from '../site/open-journal.ts'
import { findListener } from '../site/listeners.ts'
import { createLocalCloud } from '../site/local-cloud.ts'
import type { Operator } from '../site/operator.ts'
import { ensureSecrets, replaceFile, storeAccountKeys } from '../site/secrets.ts'
import { createServiceApi } from '../site/service-http.ts'
import { siteChecks } from '../site/site-checks.ts'
import { createImages } from '../site/site-images.ts'
import { createTools, notedTools, toolPath } from '../site/site-tools.ts'
import type { Site } from '../site/site.ts'
import type { StatePaths } from '../site/state.ts'
import { cacheFolder } from '../tools/ensure.ts'
import { writeMirror } from '../tools/mirror.ts'

const project = resolve(import.meta.dirname, '../..')
const sleep = systemClock.sleep.bind(systemClock)

/** The real outside of the operator's commands. */
export function siteOperator(): Operator {
  const cloud = (site: Site, paths: StatePaths) => createLocalCloud(site, paths, project)
  const kubernetes = (paths: StatePaths) => createKubernetes({ kubeconfigFile: paths.kubeconfig })
  return {
    facts: (cache, state) => readHostFacts(cache, state, existsSync(join(cache, 'bin'))),
    findHolder: findListener,
    openJournal: async (site, paths) => {
      const actions = siteActions(site, paths)
      return await openSiteJournal({ site, paths, project, actions, plans: sitePlans(actions), clock: systemClock })
    },
    secrets: ({ folder }) => ensureSecrets(folder),
    cloud,
    kubernetes,
    service: createServiceApi,
    checks: async (site, paths) =>
      await siteChecks({
        site,
        tools: notedTools(paths.folder),
        cloudAnswers: async () => site !== undefined && (await cloud(site, paths).answers()),
        kubernetes: () => kubernetes(paths),
        findHolder: findListener,
      }),
  }
}

function sitePlans(actions: readonly Action<never>[]): Plans {
  const known = new Set(actions.map((action) => action.name))
  const plans = ['site', 'site-down', 'site-purge'].map((name) => {
    const file = join(project, 'catalog', 'plans', `${name}.yml`)
    return parsePlan(readFileSync(file, 'utf8'), file, known)
  })
  return new Map(plans.map((plan) => [plan.plan, plan]))
}

/** Programs are there once the step `tools` is done: what needs them looks for them when it runs. */
function siteActions(site: Site, paths: StatePaths): Action<never>[] {
  const { folder } = paths
  const mirror = join(folder, 'terraform', 'mirror')
  const kubernetes = createKubernetes({ kubeconfigFile: paths.kubeconfig })
  const helm = late(() =>
    createHelmCli({
      program: toolPath(folder, 'helm'),
      folder: join(folder, 'helm'),
      kubeconfig: paths.kubeconfig,
      kubernetes,
    }),
  )
  const terraform = late(() =>
    createTerraformCli({ program: toolPath(folder, 'tofu'), folder: join(folder, 'terraform', 'cli'), mirror }),
  )
  const api = (credential: Parameters<typeof createServiceApi>[1]) => createServiceApi(site, credential)
  const secrets = () => ensureSecrets(folder)
  const asAdmin = () => api(adminKey(secrets()))
  const ensured = join(folder, 'ensured-cluster')
  return [
    toolsAction(createTools(folder)),
    localCloudAction(createLocalCloud(site, paths, project)),
    hostsLinesAction(),
    terraformRootsAction(
      async () => void (await writeMirror(mirror, toolPath(folder, 'terraform-provider-localcloud'))),
    ),
    terraformApply({ terraform }),
    imageAction(createImages({ project, cache: cacheFolder(), stateFolder: folder })),
    kubeconfigAction(),
    kubernetesApply({ kubernetes, clock: systemClock, manifests: join(project, 'catalog', 'manifests') }),
    helmRelease({ helm, kubernetes, clock: systemClock, charts: join(project, 'charts') }),
    bootstrapAccountsAction({ connect: api, secrets, sleep }),
    ensureDeploymentsAction({
      api: asAdmin,
      lastCluster: () => (existsSync(ensured) ? readFileSync(ensured, 'utf8') : undefined),
      keepCluster: (cluster) => replaceFile(ensured, cluster),
      sleep,
    }),
    accountAction({ api: asAdmin, store: (keys) => void storeAccountKeys(folder, keys), sleep }),
    selfCheckAction({ kubernetes: () => kubernetes, sleep }),
  ] as Action<never>[]
}

/** An adapter whose program may not be there yet: made at its first use. */
function late<T extends object>(make: () => T): T {
  let made: T | undefined
  return new Proxy({} as T, {
    get: (_, name) => Reflect.get((made ??= make()), name) as unknown,
  })
}
