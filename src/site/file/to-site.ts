import { AppError } from '../../base/errors.ts'
import type { Layout } from '../layout.ts'
import type { SiteWishes } from '../prepare.ts'
import type { CheckedFile } from './check.ts'
import { domainOf } from './domain.ts'
import type { SiteFile } from './schema.ts'
import { poolMachines, usesRoles } from './site-pools.ts'
import { wantedValues, wantedVolumes } from './wanted-values.ts'

/** What of the file nothing brings to life yet, in words; empty: `up` can do all of it. */
export function undriven({ provider, rancher, monitoring }: SiteFile): string[] {
  return [
    ...(provider.kind === 'local' ? [] : [`provider ${provider.kind}`]),
    ...(rancher.kind === 'none' ? [] : [`rancher ${rancher.kind}`]),
    ...(monitoring.enabled || monitoring.receivers.length > 0 ? ['monitoring'] : []),
  ]
}

/** Refuses a file that asks for more than is driven today, instead of leaving that out. */
export function refuseUndriven({ site, path }: CheckedFile): void {
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
    ports: { ports },
    signUp: site.signUp?.open === true ? site.signUp.runtime : 'closed',
    packageIndex: site.packages?.index ?? false,
    tls: site.tls.kind,
    layout: layoutFrom(file),
  }
}

function layoutFrom({ site, facts, path }: CheckedFile): Layout {
  return {
    file: path,
    machines: poolMachines(site.pools, facts.provider) as Layout['machines'],
    selectsRoles: usesRoles(site.pools),
    volumes: wantedVolumes(site),
    values: wantedValues(site),
    ...(site.state === undefined ? {} : { state: { backend: site.state.backend, settings: site.state.settings } }),
  }
}
