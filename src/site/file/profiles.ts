import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../../base/errors.ts'
import type { Provider } from '../../clusters/provider.ts'
import type { Size } from './fit.ts'
import type { ProviderKind } from './providers.ts'
import { rke2ControlGb } from './rancher-machine.ts'

/** Names of `catalog/profiles/*.yml`, small ones first. */
export function profileFiles(project: string): string[] {
  const names = readdirSync(join(project, 'catalog', 'profiles')).filter((name) => name.endsWith('.yml'))
  const usual = ['single-node', 'minimal', 'production']
  return names
    .map((name) => name.replace(/\.yml$/, ''))
    .toSorted((one, other) => (usual.indexOf(one) + 1 || 99) - (usual.indexOf(other) + 1 || 99))
}

export interface NewFile {
  readonly profile: string
  readonly name: string
  readonly domain: string
  readonly provider: ProviderKind
}

/** The text of a new site file: the profile with its comments, and what else may be said, to be switched on. */
export function newFileText(wishes: NewFile, project: string, provider: Provider | undefined): string {
  const profile = readFileSync(join(project, 'catalog', 'profiles', `${wishes.profile}.yml`), 'utf8').trimEnd()
  return [
    `# yaml-language-server: $schema=${join(project, 'docs', 'site.schema.json')}`,
    '# A site of cloudmgr; every key is in docs/site-file.md. See what it makes: ./cloudmgr plan',
    `name: ${wishes.name}`,
    `domain: ${wishes.domain}`,
    '',
    providerText(wishes.provider),
    '',
    poolsFor(profile, wishes.provider, provider),
    '',
    optional,
  ].join('\n')
}

function providerText(kind: ProviderKind): string {
  switch (kind) {
    case 'local':
      return '# This computer.\nprovider: {kind: local}'
    case 'existing':
      return '# A cluster that is there already.\nprovider: {kind: existing, kubeconfig: {file: kubeconfig}}'
    case 'hcloud':
      return '# Hetzner Cloud; the token comes from the environment.\nprovider: {kind: hcloud, token: {env: HCLOUD_TOKEN}, location: fsn1}'
    case 'rancher':
      return [
        '# Machines of Hetzner join a cluster of the Rancher; other clouds: docs/rancher.md.',
        'provider: {kind: rancher, cloud: hetzner, credential: {values: {token: {env: HCLOUD_TOKEN}}}, region: fsn1}',
        'rancher: {kind: existing, url: https://rancher.example.org, token: {env: RANCHER_TOKEN}}',
      ].join('\n')
  }
}

/** Clouds have types of machines instead of cores and memory, and a control plane among the machines. */
function poolsFor(profile: string, kind: ProviderKind, provider: Provider | undefined): string {
  if (kind === 'local') return profile
  if (kind === 'existing') return withoutPools(profile)
  const typed = profile.replaceAll(/cores: ([\d.]+), memoryGb: ([\d.]+)/g, (_, cores, memoryGb) => {
    return `type: ${typeFor({ cores: Number(cores), memoryGb: Number(memoryGb) }, kind, provider)}`
  })
  const least = { cores: 2, memoryGb: kind === 'rancher' ? rke2ControlGb : 4 }
  const control = `  - {name: control, role: control, type: ${typeFor(least, kind, provider)}}  # control plane and etcd`
  return typed.replace(/^pools:\n/m, `pools:\n${control}\n`)
}

function withoutPools(profile: string): string {
  const none = '# Its nodes carry the label omegaml.io/role: dbmaster, ingress, system or worker.\npools: []\n'
  return profile.replace(/^pools:\n(  .*\n?)+/m, none).trimEnd()
}

function typeFor(size: Size, kind: ProviderKind, provider: Provider | undefined): string {
  const types = Object.entries(provider?.nodeTypes ?? {})
    .filter(([, type]) => type.cores >= size.cores && type.memoryGb >= size.memoryGb)
    .toSorted(([, one], [, other]) => one.memoryGb - other.memoryGb || one.cores - other.cores)
  const [first] = types
  if (first !== undefined) return first[0]
  throw new AppError(
    'not-found',
    'machine-types-unknown',
    `a machine of ${size.cores} cores and ${size.memoryGb} GB is none that provider ${kind} is known to have: write it into catalog/providers/${kind}.yml first`,
    { details: { field: 'provider', value: kind } },
  )
}

const optional = `# What else can be said, for example:
#
# title: Data science of Example
# signUp: {open: true, runtime: own, domains: [example.org]}
# mail:
#   from: omega|ml <hub@example.org>
#   smtp: {host: mail.example.org, user: hub, password: {env: SMTP_PASSWORD}}
# quota: {memoryLimits: 64Gi, storage: 200Gi}
# storage:
#   volumes:
#     scratch: {sizeGb: 50, access: ReadWriteMany}
# components:
#   worker: {values: {replicas: 2}}
# prices: prices.yml
`
