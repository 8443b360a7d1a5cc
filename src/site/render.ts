import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { backendFile } from '../adapters/terraform/port.ts'
import { modulesFor, writeRoot } from '../clusters/write-root.ts'
import { localRoot } from './actions/terraform-roots.ts'
import { type Cloud, cloudOf, hasOwnRancher, isFar, isImported, isJoined, rancherOf } from './cloud.ts'
import { cloudRoot, modulesOf, providersFolder, rulesFile, stagesOf } from './cloud-roots.ts'
import { layoutOf } from './layout.ts'
import { withOwnState } from './own-state.ts'
import type { Site } from './site.ts'
import type { CheckedFile } from './file/check.ts'
import { domainOf } from './file/domain.ts'
import { alertRefs, alertsSecret, monitoringValues, withRules } from './file/monitoring.ts'
import { namedRefs, secretNames } from './file/secret-names.ts'
import { describeRef } from './file/secret-ref.ts'
import { namespaceManifests, secretManifests } from './manifests.ts'
import { type PlanSources, rootsInput } from './preview/plan-steps.ts'
import { wantedReleases, withoutSteps, type WantedRelease } from './preview/releases.ts'
import type { SiteSecrets } from './secrets.ts'

/** Files of a site for people who run it by hand or in GitOps; holds no secret. Answers with their names. */
export async function renderSite(folder: string, sources: PlanSources, file: CheckedFile): Promise<string[]> {
  const roots = await renderRoots(join(folder, 'terraform'), sources)
  const releases = wantedReleases(sources)
  const monitoring = renderMonitoring(folder, sources.project, file)
  const values = [...releases.map((release) => renderValues(folder, release)), ...monitoring]
  write(
    folder,
    'manifests/namespaces.yaml',
    namespaceManifests(isFar(sources.site) ? sources.site.name : undefined)
      .map((one) => stringify(one))
      .join('---\n'),
  )
  write(folder, 'README.md', readme(file, releases, sources.site))
  return [...roots, ...values, 'manifests/namespaces.yaml', 'README.md']
}

async function renderRoots(folder: string, sources: PlanSources): Promise<string[]> {
  const cloud = cloudOf(sources.site)
  return cloud === undefined ? await renderLocal(folder, sources) : await renderCloud(folder, cloud, sources)
}

const rootFiles = ['main.tf.json', 'terraform.tfvars.json']

/** Their states lie beside them: nobody keeps them for who runs this by hand, unless a backend is named. */
async function renderCloud(folder: string, cloud: Cloud, { site, project }: PlanSources): Promise<string[]> {
  const modules = join(folder, 'modules')
  for (const name of modulesOf(cloud))
    cpSync(join(project, 'terraform', name), join(modules, name), { recursive: true })
  // Where the module looks for what a cluster of plain machines lacks.
  if (cloud.kind === 'hcloud' || isJoined(cloud))
    cpSync(join(providersFolder(project), 'hcloud.yml'), join(folder, 'catalog', 'providers', 'hcloud.yml'))
  if (hasOwnRancher(cloud)) cpSync(join(project, 'catalog', 'rancher.yml'), join(folder, 'catalog', 'rancher.yml'))
  const { name, domain } = site
  const { volumes } = layoutOf(site)
  for (const stage of stagesOf(cloud)) {
    const at = join(folder, stage)
    const given = {
      name,
      domain,
      cloud,
      volumes,
      modules: await modulesFor(at, modules),
      providers: providersFolder(project),
    }
    await writeRoot(at, withOwnState(cloudRoot(stage, given)))
  }
  return stagesOf(cloud).flatMap((root) => rootFiles.map((file) => `terraform/${root}/${file}`))
}

async function renderLocal(folder: string, sources: PlanSources): Promise<string[]> {
  const modules = join(folder, 'modules')
  for (const name of ['local', 'local-volumes'])
    cpSync(join(sources.project, 'terraform', name), join(modules, name), { recursive: true })
  const input = { ...rootsInput(sources), modules }
  const [volumes, cluster] = [join(folder, 'volumes'), join(folder, 'cluster')]
  await writeRoot(volumes, await localRoot('volumes', input, volumes))
  await writeRoot(cluster, await localRoot('cluster', input, cluster))
  const files = [...rootFiles, ...(input.state.backend !== undefined ? [backendFile] : [])]
  return ['volumes', 'cluster'].flatMap((root) => files.map((name) => `terraform/${root}/${name}`))
}

/** The provider's chart for monitoring, where no Rancher brings its own. */
function monitoringChart({ site, facts }: CheckedFile) {
  return site.rancher.kind === 'none' ? facts.provider?.monitoring : undefined
}

/** Values of the provider's chart for monitoring, with our rules. */
function renderMonitoring(folder: string, project: string, file: CheckedFile): string[] {
  const { site } = file
  const chart = monitoringChart(file)
  if (!site.monitoring.enabled || chart === undefined) return []
  const rules = parse(readFileSync(rulesFile(project), 'utf8')) as {
    groups: unknown[]
  }
  const name = `values/${chart.release}.yaml`
  write(folder, name, stringify(withRules(monitoringValues(site), rules.groups)))
  return [name]
}

function monitoringLines(file: CheckedFile): string[] {
  const { site } = file
  const { monitoring } = site
  const chart = monitoringChart(file)
  if (!monitoring.enabled) return []
  if (chart === undefined) {
    const rancher = `Monitoring: Rancher’s own, by module ${site.provider.kind === 'rancher' ? 'rancher-cluster' : 'existing'}.`
    const none = `Monitoring: catalog/providers/${site.provider.kind}.yml lists no chart for it; nothing is written here.`
    return [site.rancher.kind === 'none' ? none : rancher, '']
  }
  const { release, chart: name, version, repository, namespace } = chart
  return [
    'Monitoring and alerts:',
    '',
    '```sh',
    `helm upgrade --install ${release} ${name} --repo ${repository} --version ${version} --namespace ${namespace} --create-namespace --values values/${release}.yaml`,
    '```',
    '',
  ]
}

function renderValues(folder: string, { release, values }: WantedRelease): string {
  const name = `values/${release}.yaml`
  write(folder, name, stringify(withoutSteps(values)))
  return name
}

function write(folder: string, name: string, text: string): void {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text)
}

/** How the machines come, by provider. */
function machinesText(site: Site): string[] {
  const cloud = cloudOf(site)
  const tofu = (root: string, what: string) =>
    `tofu -chdir=terraform/${root} init && tofu -chdir=terraform/${root} apply   # ${what}`
  if (cloud === undefined)
    return [
      'Terraform (or OpenTofu), with the provider of the local cloud in a mirror and the local cloud running:',
      '',
      '```sh',
      tofu('volumes', 'stays when the cluster goes'),
      tofu('cluster', 'the cluster with its machines'),
      '```',
    ]
  if (cloud.kind === 'existing')
    return [
      'The cluster is there. Its nodes take their roles by label:',
      '',
      '```sh',
      ...Object.entries(cloud.roles).flatMap(([role, { nodes }]) =>
        nodes.map((node) => `kubectl label node ${node} omegaml.io/role=${role}`),
      ),
      ...rancherLines(cloud),
      ...importLines(cloud),
      '```',
    ]
  const secrets =
    cloud.kind === 'hcloud'
      ? [
          'export HCLOUD_TOKEN=… TF_VAR_hcloud_token=…',
          'node scripts/cluster-keys.ts terraform/cluster/keys.auto.tfvars.json   # of cloudmgr; keep it safe',
        ]
      : [
          `export ${hasOwnRancher(cloud) ? '' : 'RANCHER_TOKEN_KEY=… '}${isJoined(cloud) ? 'HCLOUD_TOKEN=… TF_VAR_hcloud_token=…' : 'TF_VAR_credential=…   # of the cloud, unless the file names one that Rancher has'}`,
        ]
  return [
    'Terraform (or OpenTofu). Secrets come by the environment:',
    '',
    '```sh',
    ...rancherLines(cloud),
    ...secrets,
    ...stagesOf(cloud)
      .filter((stage) => stage === 'volumes' || stage === 'cluster')
      .map((stage) =>
        tofu(stage, stage === 'volumes' ? 'stays when the cluster goes' : 'the cluster with its machines'),
      ),
    'tofu -chdir=terraform/cluster output -raw kubeconfig > kubeconfig && chmod 600 kubeconfig && export KUBECONFIG=$PWD/kubeconfig',
    ...(cloud.kind === 'hcloud'
      ? [
          'tofu -chdir=terraform/volumes output -json storage_values > values/volumes.json   # helm … omegaml-storage --values values/volumes.json, too',
        ]
      : []),
    ...importLines(cloud),
    '```',
  ]
}

/** A cluster that a Rancher did not make, in it. */
function importLines(cloud: Cloud): string[] {
  if (!isImported(cloud)) return []
  const token = hasOwnRancher(cloud) ? [] : ['export RANCHER_TOKEN_KEY=…']
  return [
    ...token,
    'tofu -chdir=terraform/import init && tofu -chdir=terraform/import apply -var registered=false   # the cluster, known to Rancher',
    'kubectl apply -f "$(tofu -chdir=terraform/import output -raw manifest_url)"   # its agent',
    'tofu -chdir=terraform/import apply   # waits for it; project, monitoring and alerts',
  ]
}

/** A Rancher of the site's own, before anything asks it. */
function rancherLines(cloud: Cloud): string[] {
  const { server, inCluster } = rancherOf(cloud) ?? {}
  const signIn = [
    'tofu -chdir=terraform/rancher-admin init && tofu -chdir=terraform/rancher-admin apply   # the first sign-in; no RANCHER_TOKEN_KEY may be set',
    'export RANCHER_TOKEN_KEY=$(tofu -chdir=terraform/rancher-admin output -raw token)',
  ]
  if (inCluster !== undefined)
    return [
      `# The Rancher in its cluster: terraform/modules/rancher-server/examples/existing-cluster; then https://${inCluster.hostname}/ping must answer`,
      'export TF_VAR_bootstrap_password=… TF_VAR_admin_password=…   # 12 characters at least each, different',
      ...signIn,
    ]
  if (server === undefined) return []
  const { hostname } = server
  return [
    'node scripts/cluster-keys.ts terraform/rancher/keys.auto.tfvars.json   # of cloudmgr; of Rancher’s own cluster, keep it safe',
    'export HCLOUD_TOKEN=… TF_VAR_bootstrap_password=… TF_VAR_admin_password=…   # 12 characters at least each, different',
    'tofu -chdir=terraform/rancher init && tofu -chdir=terraform/rancher apply   # the machine of the Rancher',
    `tofu -chdir=terraform/rancher output -raw address   # ${hostname} must lead there, and https://${hostname}/ping answer`,
    ...signIn,
  ]
}

function readme(file: CheckedFile, releases: readonly WantedRelease[], made: Site): string {
  const { site, path } = file
  return [
    `# Site ${site.name}`,
    '',
    `Written by \`cloudmgr render\` from ${path}; change that and render again.`,
    '',
    '## In this order',
    '',
    ...machinesText(made),
    '',
    '```sh',
    'kubectl apply -f manifests/namespaces.yaml',
    '# the Secrets below',
    ...releases.map(
      ({ release, namespace, chart }) =>
        `helm upgrade --install ${release} charts/${chart} --namespace ${namespace} --values values/${release}.yaml`,
    ),
    '```',
    '',
    'The charts are in `charts/` of cloudmgr.',
    '',
    ...monitoringLines(file),
    '## Left out',
    '',
    '`up` builds the images and knows the address of the cluster’s DNS; by hand these values are yours:',
    '',
    '| Release | Values |',
    '|---|---|',
    ...releases.map(({ release, values }) => `| ${release} | ${leftOut(values).join(', ') || '-'} |`),
    '',
    '## Secrets',
    '',
    'They must exist before the charts; no value is in these files.',
    '',
    '| Namespace | Secret | Keys | Value |',
    '|---|---|---|---|',
    ...secretRows(file),
    '',
  ].join('\n')
}

/** Paths of values that only `up` knows. */
function leftOut(values: unknown, path = ''): string[] {
  if (typeof values === 'string') return values.includes('<steps.') ? [`\`${path}\``] : []
  if (Array.isArray(values)) return values.some((one) => leftOut(one).length > 0) ? [`\`${path}\``] : []
  if (typeof values !== 'object' || values === null) return []
  return Object.entries(values).flatMap(([key, value]) => leftOut(value, path === '' ? key : `${path}.${key}`))
}

const forms: Readonly<Record<string, string>> = {
  'settings-keys': '`k1:` and 32 random bytes in base64',
  'engine-keys': '`k1:` and 32 random bytes in base64',
  username: '`admin`',
  userid: '`omworker`',
}

function secretRows(file: CheckedFile): string[] {
  const { site } = file
  const anything = new Proxy({}, { get: () => '' }) as SiteSecrets
  const generated = secretManifests(anything).map(({ metadata, data }) => {
    const keys = Object.keys(data as object)
    const values = keys.map((key) => forms[key] ?? 'random letters and digits')
    return `| ${metadata.namespace} | ${metadata.name} | ${keys.join(', ')} | ${[...new Set(values)].join('; ')} |`
  })
  const given = namedRefs(site).map(
    ({ secret, key, ref }) => `| omegaml-services | ${secret} | ${key} | ${describeRef(ref)} |`,
  )
  // Given ones are among the references; an issuer fills its Secret itself.
  const { provider } = site
  const isPlain = site.tls.kind !== 'local-ca' && (provider.kind !== 'local' || provider.listen === undefined)
  const tls = `| omegaml-services | ${secretNames.tls} | tls.crt, tls.key | certificate of hub., notebook., *.notebook., mongo. and broker.${domainOf(site)} |`
  const namespace = monitoringChart(file)?.namespace
  const alerts =
    namespace === undefined
      ? []
      : alertRefs(site).map(({ name, ref }) => `| ${namespace} | ${alertsSecret} | ${name} | ${describeRef(ref)} |`)
  return [...generated, ...given, ...(isPlain ? [] : [tls]), ...alerts]
}
