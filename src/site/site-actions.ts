import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Action } from '../actions/action.ts'
import { helmInstall, helmRelease } from '../actions/helm-release.ts'
import { helmRollback } from '../actions/helm-rollback.ts'
import { kubernetesApply } from '../actions/kubernetes-apply.ts'
import type { CloudDisks } from '../adapters/cloud-disks/port.ts'
import type { Hcloud } from '../adapters/hcloud/port.ts'
import type { Helm } from '../adapters/helm/port.ts'
import type { Kubernetes } from '../adapters/kubernetes/port.ts'
import type { Rancher } from '../adapters/rancher/port.ts'
import type { Terraform } from '../adapters/terraform/port.ts'
import type { Clock } from '../base/clock.ts'
import { parsePlan } from '../catalog/load.ts'
import type { Plans } from '../catalog/plan.ts'
import type { Site } from './site.ts'
import { cloudOf, isJoined, rancherOf } from './cloud.ts'
import {
  cloudEnv,
  orderingTerraform,
  rancherParts,
  rancherServerSecrets,
  rancherTokenIn,
  rulesFile,
} from './cloud-roots.ts'
import { ensureKeys, keepRancherToken, keptRancherToken } from './site-keys.ts'
import { accountAction } from './actions/account.ts'
import { adminKey, bootstrapAccountsAction } from './actions/bootstrap-accounts.ts'
import { clusterChartsAction } from './actions/cluster-charts.ts'
import { gpuPluginAction } from './actions/gpu-plugin.ts'
import { clusterFitAction } from './actions/cluster-fit.ts'
import { cloudRootsAction } from './actions/cloud-roots.ts'
import {
  awaitDeploymentsAction,
  ensureDeploymentsAction,
  type EnsureDeploymentsDeps,
} from './actions/ensure-deployments.ts'
import { hostsLinesAction } from './actions/hosts-lines.ts'
import { type Images, imageAction } from './actions/image.ts'
import { kubeconfigAction } from './actions/kubeconfig.ts'
import { keptTerraform, type SiteStateKeeping } from './actions/kept-terraform.ts'
import { leftDisksAction } from './actions/left-disks.ts'
import { localCloudAction } from './actions/local-cloud.ts'
import { orderedClustersAction } from './actions/ordered-clusters.ts'
import { orderedMachinesAction } from './actions/ordered-machines.ts'
import { machineDiskAction } from './actions/machine-disk.ts'
import { type Pages, pagesAction } from './actions/pages.ts'
import { monitoringAction } from './actions/monitoring.ts'
import { nodeRolesAction } from './actions/node-roles.ts'
import { providerHcloudAction } from './actions/provider-hcloud.ts'
import { providerRancherAction } from './actions/provider-rancher.ts'
import { providerSecretAction } from './actions/provider-secret.ts'
import { reachClusterAction } from './actions/reach-cluster.ts'
import { poolSizesAction } from './actions/pool-sizes.ts'
import { rancherAloneAction } from './actions/rancher-alone.ts'
import { rancherImportAction } from './actions/rancher-import.ts'
import { rancherReadyAction } from './actions/rancher-ready.ts'
import { rancherServerAction } from './actions/rancher-server.ts'
import { rancherTokenAction } from './actions/rancher-token.ts'
import { releaseProtectionAction } from './actions/release-protection.ts'
import { type SelfCheckDeps, selfCheckAction } from './actions/self-check.ts'
import { serviceProcessAction } from './actions/service-process.ts'
import { siteDisksAction } from './actions/site-disks.ts'
import { siteObjectsAction } from './actions/site-objects.ts'
import { terraformRootsAction } from './actions/terraform-roots.ts'
import { type Tools, toolsAction } from './actions/tools.ts'
import { keptDisks } from './kept-disks.ts'
import { keptAgent } from './kept-agent.ts'
import { keptRoles } from './kept-roles.ts'
import { doorOf } from './left-disks.ts'
import { letMachinesGo } from './leaving-machines.ts'
import { rancherNotes } from './rancher-found.ts'
import { cloudSecrets, ensureSecrets, replaceFile, storeAccountKeys } from './secrets.ts'
import type { Credential, ServiceApi } from './service-api.ts'
import type { CloudControl } from './operator.ts'
import { isReached, noteReached, type StatePaths } from './state.ts'

/** The outside of the site's plans. */
export interface SiteParts {
  readonly project: string
  readonly site: Site
  readonly paths: StatePaths
  readonly tools: Tools
  /** Of the site's programs, once they are there. */
  readonly toolsFolder: () => string
  readonly pages: Pages
  readonly cloud: CloudControl
  readonly images: Images
  readonly terraform: Terraform
  readonly rancher: Rancher
  /** Where a Rancher of the site's own runs, by the kubeconfig that is written before it is used. */
  readonly rancherCluster: { readonly kubernetes: Kubernetes; readonly helm: Helm }
  readonly hcloud: Hcloud
  readonly disks: CloudDisks
  /** Puts the provider where `terraform` looks for it. */
  readonly layOutProvider: () => Promise<void>
  readonly kubernetes: Kubernetes
  readonly helm: Helm
  readonly connect: (credential: Credential) => ServiceApi
  readonly checkNotebook: SelfCheckDeps['checkNotebook']
  readonly hostsFile: string
  readonly clock: Clock
}

/** Everything that a step of the site's plans can do. */
export function siteActions(parts: SiteParts, keeping: SiteStateKeeping): Action<never>[] {
  const { project, paths, kubernetes, helm, terraform, rancher, clock, connect } = parts
  const sleep = clock.sleep.bind(clock)
  const secrets = () => ensureSecrets(paths.folder)
  const api = () => connect(adminKey(secrets()))
  const ensured = join(paths.folder, 'ensured-cluster')
  const ensuring: EnsureDeploymentsDeps = {
    api,
    kubernetes: () => kubernetes,
    lastCluster: () => (existsSync(ensured) ? readFileSync(ensured, 'utf8') : undefined),
    keepCluster: (cluster) => replaceFile(ensured, cluster),
    forgetCluster: () => rmSync(ensured, { force: true }),
    sleep,
  }
  const providers = join(project, 'catalog', 'providers')
  const fetched = join(paths.folder, 'charts')
  const cloud = cloudOf(parts.site)
  const ordering = cloud === undefined ? terraform : orderingTerraform(terraform, cloud, () => cloudSecrets(secrets()))
  const rancherToken = () => (cloud === undefined ? '' : rancherTokenIn(cloud, cloudSecrets(secrets())))
  const joined = isJoined(cloud) ? { api: rancher, url: rancherOf(cloud)?.url ?? '', token: rancherToken } : undefined
  const leaving = { site: parts.site.name, kubernetes, clock, isReached: () => isReached(paths), rancher: joined }
  const kept = keptTerraform(ordering, keeping, letMachinesGo(leaving))
  const charts = { helm, kubernetes, clock, charts: join(project, 'charts') }
  const keptToken = () => keptRancherToken(paths.folder)
  return [
    toolsAction(parts.tools),
    localCloudAction(parts.cloud),
    hostsLinesAction(parts.hostsFile),
    terraformRootsAction(parts.layOutProvider),
    cloudRootsAction({ providers, ensureKeys: async (of) => await ensureKeys(paths.folder, of, clock.now()) }),
    kept,
    releaseProtectionAction({ kept, providers }),
    rancherReadyAction({ rancher, sleep, now: () => clock.now() }),
    rancherServerAction({
      ...parts.rancherCluster,
      clock,
      reach: () => replaceFile(paths.rancherKubeconfig, cloudSecrets(secrets())['rancher-kubeconfig'] ?? ''),
      lineOf: (version) => rancherParts(providers, version),
      secrets: () => rancherServerSecrets(cloudSecrets(secrets())),
      folder: fetched,
      ...rancherNotes(paths.folder),
    }),
    rancherTokenAction({
      kept,
      rancher,
      providers,
      keptToken,
      keepToken: (token) => keepRancherToken(paths.folder, token),
    }),
    rancherImportAction({ kept, rancher, kubernetes, providers, ...keptAgent(paths.folder) }),
    poolSizesAction({
      rancher,
      outputs: async (folder, signal) => await ordering.outputs(folder, { env: keeping.outsideEnv?.() ?? {}, signal }),
      providers,
      token: rancherToken,
    }),
    rancherAloneAction({ rancher, keptToken }),
    reachClusterAction({ kubernetes, sleep, now: () => clock.now(), noteReached: () => noteReached(paths, true) }),
    clusterFitAction({ kubernetes, providers }),
    nodeRolesAction({ kubernetes, ...keptRoles(paths.folder) }),
    clusterChartsAction({ helm, kubernetes, clock, providers, folder: fetched }),
    gpuPluginAction({ helm, kubernetes, clock, providers, folder: fetched }),
    monitoringAction({ helm, kubernetes, clock, providers, folder: fetched, rules: rulesFile(project) }),
    siteObjectsAction({ kubernetes, helm, sleep }),
    siteDisksAction({ kubernetes, sleep, ...keptDisks(paths.folder) }),
    leftDisksAction({
      disks: parts.disks,
      doorOf: (disk) => doorOf(disk, cloud, cloudSecrets(secrets())),
      ...keptDisks(paths.folder),
    }),
    imageAction(parts.images),
    machineDiskAction(parts.cloud),
    kubeconfigAction(),
    kubernetesApply({ kubernetes, clock, manifests: join(project, 'catalog', 'manifests') }),
    providerSecretAction({ cloud: parts.cloud, kubernetes }),
    providerHcloudAction({ kubernetes, secrets: () => cloudSecrets(secrets()) }),
    providerRancherAction({
      kubernetes,
      env: () => ({
        ...(cloud === undefined ? {} : cloudEnv('cluster', cloud, cloudSecrets(secrets()))),
        ...keeping.outsideEnv?.(),
      }),
      token: rancherToken,
    }),
    orderedClustersAction({
      rancher,
      sleep,
      token: () => (cloud === undefined ? '' : rancherTokenIn(cloud, cloudSecrets(secrets()))),
    }),
    orderedMachinesAction({ hcloud: parts.hcloud, sleep, token: () => cloudSecrets(secrets())['token'] ?? '' }),
    helmRelease(charts),
    helmInstall(charts),
    helmRollback({ helm, kubernetes, clock }),
    bootstrapAccountsAction({ connect, secrets, sleep }),
    ensureDeploymentsAction(ensuring),
    awaitDeploymentsAction(ensuring),
    accountAction({ connect, secrets, store: (keys) => void storeAccountKeys(paths.folder, keys), sleep }),
    selfCheckAction({ kubernetes: () => kubernetes, sleep, checkNotebook: parts.checkNotebook }),
    pagesAction(parts.pages),
    serviceProcessAction({
      cloud: parts.cloud,
      secrets,
      tools: parts.toolsFolder,
      program: join(project, 'src/main.ts'),
    }),
  ] as Action<never>[]
}

/** The plans of the operator's commands; those of accounts belong to the service. */
export function sitePlans(project: string, actions: readonly Action<never>[]): Plans {
  const known = new Set(actions.map((action) => action.name))
  const plans = ['site', 'site-simulated', 'site-back', 'site-down', 'site-purge'].map((name) => {
    const file = join(project, 'catalog', 'plans', `${name}.yml`)
    return parsePlan(readFileSync(file, 'utf8'), file, known)
  })
  return new Map(plans.map((plan) => [plan.plan, plan]))
}
