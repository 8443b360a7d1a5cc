import { join } from 'node:path'
import { AppError } from '../../base/errors.ts'
import { readChartDefaults } from '../file/chart-values.ts'
import { fieldName } from '../../catalog/load.ts'
import type { CheckedFile } from '../file/check.ts'
import { domainOf } from '../file/domain.ts'
import { namedRefs, secretNames } from '../file/secret-names.ts'
import { wantedVolumes } from '../file/wanted-values.ts'
import type { Operator, RunningKubernetes } from '../operator.ts'
import { outsideRoots } from '../kept-roots.ts'
import { layoutOf } from '../layout.ts'
import { rancherNotes } from '../rancher-found.ts'
import { tokenAdvice } from '../rancher-refusals.ts'
import { promises } from '../profiles.ts'
import type { Machines } from '../../clusters/profiles.ts'
import { cacheFolder } from '../../tools/ensure.ts'
import { readStored, storedForm } from '../secrets.ts'
import type { Site } from '../site.ts'
import { findSite, isMade, type StatePaths } from '../state.ts'
import { refuseOthersPrometheus } from '../actions/monitoring.ts'
import { cloudOf, hasOwnRancher, isFar, kindOf, kubernetesOf, rancherOf } from '../cloud.ts'
import { monitoringNamespace } from '../components.ts'
import { isScaled, isShared, orderingTerraform, rancherTokenIn, stagesOf } from '../cloud-roots.ts'
import { cloudSecretsOf } from '../file/cloud-secrets.ts'
import type { GivenSecrets } from '../file/secret-values.ts'
import { keptKeys, makeKeys } from '../site-keys.ts'
import { readApplied } from './applied.ts'
import { type ExistingChanges, existingChanges } from './existing-changes.ts'
import { type CloudChanges, type CloudSources, expectedCloud, previewCloud } from './cloud-changes.ts'
import { kubernetesChanges, versionInState } from './kubernetes-change.ts'
import { componentChanges, secretChanges } from './component-changes.ts'
import { machineRows, type PriceList, volumeRows } from './prices.ts'
import { monitoringRelease, wantedReleases } from './releases.ts'
import { imageSteps } from './plan-steps.ts'
import { type SecretPrints, secretPrints } from './secret-prints.ts'
import { rancherChanges } from './rancher-changes.ts'
import { type Change, fingerprintOf, type SitePreview } from './site-preview.ts'

export interface PreviewSources {
  readonly file: CheckedFile
  readonly prices: PriceList | undefined
  readonly signal: AbortSignal
  /** Values behind the file's references; `undefined`: they could not be looked up. */
  readonly given: GivenSecrets | undefined
  /** Variables of the backend that the file names for states. */
  readonly stateEnv: Readonly<Record<string, string>>
}

/** What `up` would do with this site on this computer. Changes nothing, not even the site's folder. */
export async function previewSite(
  operator: Operator,
  site: Site,
  paths: StatePaths,
  { file, prices, signal, given, stateEnv }: PreviewSources,
): Promise<SitePreview> {
  const { project } = operator
  const before = findSite(paths.folder, undefined)
  const isOutside = site.layout?.state !== undefined
  const roots = isOutside ? outsideRoots(operator.terraform(paths), paths, stateEnv) : operator.roots(paths)
  const sources = { site, before, paths, project, signal, roots, stateEnv }
  const made = isMade(paths)
  const runs = made && (await operator.cloud(site, paths).answers())
  const ofCloud = isFar(site) ? await cloudSecretsOf(file, operator.secretSources) : {}
  const kubernetes = kubernetesChanges(site, made ? await runningKubernetes(operator, runs, sources) : undefined)
  const cloud = await lookAtCloud(operator, { made, runs, given: ofCloud }, sources)
  const rancher = await lookAtRancher(operator, { site, paths }, ofCloud)
  const existing = await lookAtExisting(operator, site, ofCloud)
  const applied = readApplied(paths.folder)
  const monitoring = monitoringRelease(sources)
  const wanted = [...wantedReleases(sources), ...(monitoring === undefined ? [] : [monitoring])]
  const defaults = readChartDefaults(join(project, 'charts'))
  const helm = runs ? operator.helm(paths) : undefined
  // An `up` of this file that never ended goes on: nothing that somebody uses is touched.
  const isBegun = applied === undefined && before?.layout !== undefined
  const images = imageSteps(sources)
  const tags = runs ? await operator.imageTags(paths, Object.values(images)) : undefined
  const components = await componentChanges(wanted, { applied, isBegun, helm, defaults, imageSteps: images, tags })
  const secrets = secretChanges(secretsOf(file), runs ? applied : undefined, printsOf(given, paths))
  const changes = [...rancher, ...cloud.changes, ...kubernetes, ...existing.changes, ...secrets, ...components]
  const { volumes, machines } = layoutOf(site)
  const kept = Object.keys(volumes).filter((name) => wantedVolumes(file.site)[name] === undefined)
  return {
    ...head(file, site.name),
    changes,
    machines: machineRows(file.site, file.facts.provider, prices),
    volumes: volumeRows(volumes, prices),
    currency: prices?.currency ?? null,
    warnings: [...warningsOf(file), ...(isFar(site) ? await unresolvedOf(operator, file) : [])],
    notes: [
      ...kept.map((name) => `volume ${name} is no longer in the file: it is kept with its data`),
      ...(isFar(site) ? [] : promises(machines as Machines, operator.facts(cacheFolder(), paths.folder))),
      ...existing.notes,
      ...(cloud.notes ?? []),
      ...(given === undefined ? ['secrets were not compared: not all of them are here'] : []),
      ...notesOf(made, runs, tags !== undefined && applied?.images !== undefined),
    ],
    deletes: cloud.deletes,
    fingerprint: fingerprintOf({ site: site.name, changes, deletes: cloud.deletes }),
  }
}

/** What can be said of a site whose provider `up` does not drive: its machines, volumes and prices. */
export async function previewElsewhere(
  { resolves }: Pick<Operator, 'resolves'>,
  file: CheckedFile,
  prices: PriceList | undefined,
  undriven: string,
): Promise<SitePreview> {
  const name = file.site.name
  const unresolved = await unresolvedOf({ resolves }, file)
  return {
    ...head(file, name),
    changes: [],
    machines: machineRows(file.site, file.facts.provider, prices),
    volumes: volumeRows(wantedVolumes(file.site), prices),
    currency: prices?.currency ?? null,
    warnings: [...warningsOf(file), ...unresolved],
    notes: [undriven],
    deletes: [],
    fingerprint: fingerprintOf({ site: name, changes: [], deletes: [] }),
  }
}

async function unresolvedOf({ resolves }: Pick<Operator, 'resolves'>, { site }: CheckedFile): Promise<string[]> {
  const hub = `hub.${domainOf(site)}`
  return (await resolves(hub)) ? [] : [`domain: ${hub} does not resolve: point it, and *.notebook, to the site`]
}

function head({ site, path }: CheckedFile, name: string) {
  return { site: name, provider: site.provider.kind, file: path }
}

function secretsOf({ site }: CheckedFile): string[] {
  const own = site.tls.kind === 'local-ca' ? [secretNames.tls] : []
  return [...new Set([...namedRefs(site).map(({ secret }) => secret), ...own])]
}

function warningsOf({ warnings, lineOf }: CheckedFile): string[] {
  return warnings.map(({ path, problem }) => `line ${lineOf(path) ?? 1}, ${fieldName(path)}: ${problem}`)
}

interface Seen {
  readonly made: boolean
  readonly runs: boolean
  /** What the site file's references lead to, where the cluster is elsewhere. */
  readonly given: GivenSecrets
}

async function lookAtCloud(
  operator: Operator,
  { made, runs, given }: Seen,
  sources: Parameters<typeof expectedCloud>[1],
): Promise<CloudChanges> {
  const cloud = cloudOf(sources.site)
  const terraform = operator.terraform(sources.paths)
  if (cloud === undefined && runs && terraform !== undefined) return await previewCloud(terraform, sources)
  if (cloud === undefined || stagesOf(cloud).length === 0 || terraform === undefined)
    return await expectedCloud(made, sources)
  const kept = made ? keptKeys(sources.paths.folder) : {}
  // Of a site that was never made only the preview knows the others.
  const secrets = { ...given, ...kept, ...(await makeKeys(cloud, kept, new Date())) }
  const noRancher = hasOwnRancher(cloud) && kept['rancher-token'] === undefined
  return await previewCloud(
    orderingTerraform(terraform, cloud, () => secrets),
    { ...sources, noRancher, observed: await sizesOf(operator, sources.site, noRancher ? undefined : secrets) },
  )
}

/** Machines of Rancher's pools where an autoscaler sets them; `secrets` is `undefined` while there is no Rancher to ask. */
async function sizesOf(
  { rancher }: Operator,
  site: Site,
  secrets: Readonly<Record<string, string>> | undefined,
): Promise<Readonly<Record<string, number>> | undefined> {
  const cloud = cloudOf(site)
  const { url } = rancherOf(cloud) ?? {}
  // Of those that accounts ordered nobody knows here.
  const mayScale = isScaled(cloud) || isShared(cloud, site.layout?.state)
  if (cloud === undefined || url === undefined || secrets === undefined || !mayScale) return undefined
  try {
    return await rancher.poolSizes(url, rancherTokenIn(cloud, secrets), site.name)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'rancher-token') throw error
    // `up` makes another token of the site's own Rancher, and looks again.
    if (hasOwnRancher(cloud)) return undefined
    throw new AppError(error.kind, error.code, tokenAdvice({ url, made: false }), { cause: error })
  }
}

/** A Rancher of the site's own comes before all that asks it. */
async function lookAtRancher(
  { clusterOf, releasesOf, project }: Operator,
  { site, paths }: { readonly site: Site; readonly paths: StatePaths },
  given: GivenSecrets,
): Promise<readonly Change[]> {
  const cloud = cloudOf(site)
  const kubeconfig = given['rancher-kubeconfig']
  if (cloud === undefined || kubeconfig === undefined) return []
  const place = { kubernetes: clusterOf(kubeconfig), helm: releasesOf(kubeconfig) }
  const isBegun = rancherNotes(paths.folder).lastFound() !== undefined
  return await rancherChanges(place, cloud, { project, isBegun })
}

/** What the site's cluster has, where there is one; `before` knows it of a cloud whose state does not say it. */
async function runningKubernetes(
  operator: Operator,
  runs: boolean,
  { site, paths, before, roots }: CloudSources,
): Promise<RunningKubernetes | undefined> {
  if (!isFar(site)) return runs ? await operator.cloud(site, paths).kubernetes() : undefined
  if (before === undefined || kindOf(before) !== kindOf(site)) return undefined
  if ((await roots.addresses('cluster')).length === 0) return undefined
  const version = versionInState(await roots.state('cluster')) ?? kubernetesOf(before)
  return version === undefined ? undefined : { version }
}

async function lookAtExisting(operator: Operator, site: Site, given: GivenSecrets): Promise<ExistingChanges> {
  const cloud = cloudOf(site)
  if (cloud?.kind !== 'existing') return { changes: [], notes: [] }
  const kubernetes = operator.clusterOf(given['kubeconfig'] ?? '')
  if (site.layout?.monitoring !== undefined) await refuseOthersPrometheus(kubernetes, monitoringNamespace)
  return await existingChanges(kubernetes, cloud, {
    site: site.name,
    project: operator.project,
    selectsRoles: layoutOf(site).selectsRoles,
  })
}

function notesOf(made: boolean, runs: boolean, imagesKnown: boolean): string[] {
  const images = 'images are compared when they are built: a changed checkout may start components anew'
  if (runs) return imagesKnown ? [] : [images]
  return made ? ['the site is down: compared with what its state says, machines were not looked at', images] : []
}

/** As they are kept with what the last `up` brought. */
function printsOf(given: GivenSecrets | undefined, { folder }: StatePaths): SecretPrints | undefined {
  const { engineKeys } = readStored(folder)
  return given === undefined || engineKeys === undefined ? undefined : secretPrints(storedForm(given), engineKeys)
}
