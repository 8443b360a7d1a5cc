import { existsSync } from 'node:fs'
import { lookup } from 'node:dns/promises'
import { join, resolve } from 'node:path'
import { createCloudDisks } from '../adapters/cloud-disks/http.ts'
import { createHcloud } from '../adapters/hcloud/http.ts'
import { createHelmCli } from '../adapters/helm/cli.ts'
import type { Helm } from '../adapters/helm/port.ts'
import { findStored } from '../adapters/helm/stored.ts'
import { createKubernetes } from '../adapters/kubernetes/api.ts'
import { createTunnel } from '../adapters/kubernetes/tunnel.ts'
import type { Kubernetes } from '../adapters/kubernetes/port.ts'
import { createRancher } from '../adapters/rancher/http.ts'
import { createTerraformCli } from '../adapters/terraform/cli.ts'
import type { Terraform } from '../adapters/terraform/port.ts'
import { systemClock } from '../base/clock.ts'
import { isFar } from '../site/cloud.ts'
import { createFarCloud } from '../site/far-cloud.ts'
import { decryptWithSops } from '../site/file/secret-values.ts'
import { siteAuthority } from '../site/certificate-files.ts'
import { readHostFacts } from '../site/host-facts.ts'
import { findListener } from '../site/listeners.ts'
import { readKeptRoots } from '../site/kept-roots.ts'
import { createLocalCloud } from '../site/local-cloud.ts'
import { checkNotebook } from '../site/notebook-check.ts'
import { openSiteJournal } from '../site/open-journal.ts'
import type { CloudControl, Operator } from '../site/operator.ts'
import { createPages } from '../site/pages.ts'
import { registryAccess } from '../site/context.ts'
import { ensureSecrets } from '../site/secrets.ts'
import { type ServiceAddress, siteAddress, throughDoor } from '../site/service-address.ts'
import { createServiceApi } from '../site/service-http.ts'
import { type Site, tlsOf } from '../site/site.ts'
import { type SiteParts, siteActions, sitePlans } from '../site/site-actions.ts'
import { siteChecks } from '../site/site-checks.ts'
import { createImages } from '../site/site-images.ts'
import { createTools, notedTools, toolPath, toolsFolder } from '../site/site-tools.ts'
import type { StatePaths } from '../site/state.ts'
import { companyVariables } from '../tools/company.ts'
import { cacheFolder } from '../tools/ensure.ts'
import { writeMirror } from '../tools/mirror.ts'

const project = resolve(import.meta.dirname, '../..')

/** The real outside of the operator's commands. */
export function siteOperator(): Operator {
  const env = { ...process.env }
  // Every program that is started from here on, whatever it takes of this environment.
  Object.assign(process.env, companyVariables(process.env, join(cacheFolder(), 'host', 'authorities.pem')))
  const cloud = (site: Site, paths: StatePaths) => cloudControl(site, paths)
  const kubernetes = (paths: StatePaths) => createKubernetes({ kubeconfigFile: paths.kubeconfig })
  return {
    project,
    env,
    facts: (cache, state) => readHostFacts(cache, state, existsSync(join(cache, 'bin')), env),
    findHolder: findListener,
    openJournal: async (site, paths) =>
      await openSiteJournal({
        site,
        paths,
        project,
        actions: (keeping) => siteActions(siteParts(site, paths), keeping),
        plans: (actions) => sitePlans(project, actions),
        clock: systemClock,
      }),
    secrets: ({ folder }) => ensureSecrets(folder),
    cloud,
    kubernetes,
    clusterOf: (kubeconfig) => createKubernetes({ kubeconfig }),
    releasesOf: (kubeconfig) => {
      const there = createKubernetes({ kubeconfig })
      return { find: async (name, namespace) => (await findStored(there, name, namespace))?.record }
    },
    front: (site, paths) => siteFront(site, paths),
    helm: (paths) => siteHelm(paths, kubernetes(paths)),
    terraform: (paths) => (notedTools(paths.folder) === undefined ? undefined : siteTerraform(paths)),
    imageTags: async (paths, names) => {
      if (notedTools(paths.folder) === undefined) return undefined
      const images = createImages({
        project,
        cache: cacheFolder(),
        stateFolder: paths.folder,
        access: () => ({}),
      })
      const found = await Promise.all(names.map(async (name) => [name, await images.tag(name)] as const))
      return Object.fromEntries(found)
    },
    rancher: createRancher(),
    roots: readKeptRoots,
    resolves: async (name) =>
      await lookup(name).then(
        () => true,
        () => false,
      ),
    secretSources: { env: process.env, decrypt: decryptWithSops },
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

function cloudControl(site: Site, paths: StatePaths): CloudControl {
  if (!isFar(site)) return createLocalCloud(site, paths, { project, cache: cacheFolder() })
  return createFarCloud(paths, createKubernetes({ kubeconfigFile: paths.kubeconfig }))
}

/** The site's front door from here: a port of this machine, or a way through the cluster's API server. */
function siteFront(site: Site, paths: StatePaths): () => Promise<ServiceAddress> {
  const { folder, kubeconfig } = paths
  // Looked up when it is used: `up` lays the authority down.
  const address = () => siteAddress(site, siteAuthority(paths))
  if (!isFar(site)) return async () => address()
  const ingress = { namespace: 'omegaml-services', service: 'ingress', port: tlsOf(site) === undefined ? 80 : 443 }
  const door = createTunnel({ kubectl: () => toolPath(folder, 'kubectl'), kubeconfig, ...ingress })
  return async () => throughDoor(address(), await door.port())
}

/** Programs are there once the step `tools` is done: what needs them looks for them when it runs. */
function siteParts(site: Site, paths: StatePaths): SiteParts {
  const { folder, kubeconfig } = paths
  const mirror = mirrorOf(paths)
  const kubernetes = createKubernetes({ kubeconfigFile: kubeconfig })
  const program = (name: string) => toolPath(folder, name)
  const front = siteFront(site, paths)
  const cloud = cloudControl(site, paths)
  return {
    project,
    site,
    paths,
    kubernetes,
    tools: createTools(folder, {
      simulated: site.simulated === true,
      versionsInUse: async () => await cloud.versions(),
    }),
    toolsFolder: () => toolsFolder(folder),
    pages: createPages(project, cacheFolder()),
    cloud,
    images: createImages({
      project,
      cache: cacheFolder(),
      stateFolder: folder,
      access: () => registryAccess(ensureSecrets(folder)),
      takeBlobs: cloud.takeBlobs,
    }),
    helm: late(() => siteHelm(paths, kubernetes)),
    terraform: late(() => siteTerraform(paths)),
    rancher: createRancher(),
    rancherCluster: rancherCluster(paths),
    hcloud: createHcloud(),
    disks: createCloudDisks(),
    layOutProvider: async () => void (await writeMirror(mirror, program('terraform-provider-localcloud'))),
    connect: (credential) => createServiceApi(front, credential),
    checkNotebook: async (user, run) => {
      // Plain, on this computer the site's own names lead there.
      const target = isFar(site) || tlsOf(site) !== undefined ? (await front()).target : undefined
      await checkNotebook({ ...user, target }, run)
    },
    hostsFile: '/etc/hosts',
    clock: systemClock,
  }
}

/** Where a Rancher of the site's own runs. */
function rancherCluster({ folder, rancherKubeconfig: kubeconfig }: StatePaths) {
  const kubernetes = createKubernetes({ kubeconfigFile: kubeconfig })
  const options = { folder: join(folder, 'rancher-helm'), kubeconfig, kubernetes }
  return { kubernetes, helm: late(() => createHelmCli({ program: toolPath(folder, 'helm'), ...options })) }
}

function mirrorOf({ folder }: StatePaths): string {
  return join(folder, 'terraform', 'mirror')
}

function siteHelm({ folder, kubeconfig }: StatePaths, kubernetes: Kubernetes): Helm {
  return createHelmCli({ program: toolPath(folder, 'helm'), folder: join(folder, 'helm'), kubeconfig, kubernetes })
}

function siteTerraform(paths: StatePaths): Terraform {
  const { folder } = paths
  const program = toolPath(folder, 'tofu')
  return createTerraformCli({ program, folder: join(folder, 'terraform', 'cli'), mirror: mirrorOf(paths) })
}

/** An adapter whose program may not be there yet: made at its first use. */
function late<T extends object>(make: () => T): T {
  let made: T | undefined
  return new Proxy({} as T, { get: (_, name) => Reflect.get((made ??= make()), name) as unknown })
}
