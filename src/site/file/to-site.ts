import { AppError } from '../../base/errors.ts'
import type { Layout } from '../layout.ts'
import type { SiteWishes } from '../prepare.ts'
import type { CheckedFile } from './check.ts'
import { domainOf } from './domain.ts'
import { monitoringValues } from './monitoring.ts'
import type { SiteFile } from './schema.ts'
import { rancherOf } from '../cloud.ts'
import { cloudFrom, registryFrom } from './to-cloud.ts'
import { poolMachines, selectsRoles } from './site-pools.ts'
import { wantedValues, wantedVolumes } from './wanted-values.ts'

/** What of the file nothing brings to life yet, in words; empty: `up` can do all of it. */
export function undriven({ provider, rancher }: SiteFile): string[] {
  return rancher.kind === 'none' || provider.kind !== 'local' ? [] : [`rancher ${rancher.kind}`]
}

/** What `up` needs beyond a right file, in words; `undefined`: nothing. */
export function missingFor({ provider, rancher, images }: SiteFile): { field: string; problem: string } | undefined {
  if (provider.kind === 'local') return undefined
  if (provider.kind === 'rancher' && rancher.kind === 'none')
    return {
      field: 'rancher',
      problem:
        'rancher is missing; right is the Rancher that makes the cluster: kind existing with url and token, or kind create',
    }
  if (images !== undefined) return undefined
  const right = 'registry.example.com/omega, a registry that this machine pushes to and the nodes pull from'
  return {
    field: 'images.registry',
    problem: `images.registry is missing; with provider ${provider.kind} right is such as ${right}`,
  }
}

/** Refuses a file that asks for more than is driven today, instead of leaving that out, and one that is too little for `up`. */
export function refuseUndriven({ site, path }: CheckedFile): void {
  const missing = missingFor(site)
  if (missing !== undefined)
    throw new AppError('invalid', 'site-file-invalid', `${path}: ${missing.problem}`, {
      details: { file: path, field: missing.field },
    })
  const parts = undriven(site)
  if (parts.length === 0) return
  throw new AppError(
    'invalid',
    'not-driven',
    `${path} is right, but up does not drive ${parts.join(', ')} yet: see "What is driven today" in docs/site-file.md; ./cloudmgr render writes what can be run by hand`,
    { details: { file: path, parts } },
  )
}

/** What `up` is asked for by the file. */
export function wishesOf(file: CheckedFile): SiteWishes {
  const { site } = file
  const ports = site.provider.kind === 'local' ? (site.provider.ports ?? {}) : {}
  return {
    name: site.name,
    profile: 'file',
    domain: domainOf(site),
    listen: site.provider.kind === 'local' ? (site.provider.listen ?? false) : false,
    ports: { ports },
    signUp: site.signUp?.open === true ? site.signUp.runtime : 'closed',
    packageIndex: site.packages?.index ?? false,
    tls: site.tls.kind,
    layout: layoutFrom(file),
  }
}

function layoutFrom({ site, facts, path }: CheckedFile): Layout {
  const cloud = cloudFrom(site)
  const registry = registryFrom(site)
  return {
    file: path,
    machines: poolMachines(site.pools, facts.provider) as Layout['machines'],
    selectsRoles: selectsRoles(site),
    volumes: wantedVolumes(site),
    values: wantedValues(site),
    ...(site.provider.kind === 'local' && site.provider.kubernetesVersion !== undefined
      ? { kubernetesVersion: site.provider.kubernetesVersion }
      : {}),
    ...(site.state === undefined ? {} : { state: { backend: site.state.backend, settings: site.state.settings } }),
    ...(cloud === undefined ? {} : { cloud }),
    ...(registry === undefined ? {} : { registry }),
    // A Rancher brings its own.
    ...(site.monitoring.enabled && rancherOf(cloud) === undefined ? { monitoring: monitoringValues(site) } : {}),
  }
}
