import { mergeTrees, type Tree } from '../../base/merge.ts'
import { byChart, type ChartValues } from './chart-values.ts'
import { farValues } from './far-values.ts'
import { usualDefaults } from '../../deployments/site-facts.ts'
import { isHetznerByRancher } from './rancher-machine.ts'
import type { SiteFile } from './schema.ts'
import { secretNames } from './secret-names.ts'
import { domainOf } from './domain.ts'
import { selectsRoles } from './site-pools.ts'
import { pipOf } from '../site.ts'

/** What the site file adds to the values that plan `site` gives the charts: only what it says. */
export function wantedValues(file: SiteFile): ChartValues {
  const { components: parts } = file
  const own: ChartValues = {
    'omegaml-storage': storageValues(file),
    'omegaml-system': systemValues(file),
    'omegaml-ingress': ingressValues(file),
    'omegaml-worker': {},
  }
  const given: ChartValues = {
    'omegaml-storage': parts.storage?.values ?? {},
    'omegaml-system': parts.system?.values ?? {},
    'omegaml-ingress': parts.ingress?.values ?? {},
    'omegaml-worker': parts.worker?.values ?? {},
  }
  const far = isFar(file) ? farValues(file) : noValues
  return byChart((chart) => mergeTrees(mergeTrees(far[chart], own[chart]), given[chart]))
}

const noValues: ChartValues = {
  'omegaml-storage': {},
  'omegaml-system': {},
  'omegaml-ingress': {},
  'omegaml-worker': {},
}

/** On this computer plan `site` knows the rest: HTTPS has a port of its own there. */
function ingressValues({ tls, provider }: SiteFile): Tree {
  if (provider.kind === 'local' || tls.kind === 'none') return {}
  const issuer = tls.kind === 'issuer' ? { issuer: { name: tls.issuer, kind: tls.issuerKind } } : {}
  return { tls: { secretName: secretNames.tls, ...issuer } }
}

/** The volumes with their sizes in GB; those of services elsewhere are left out. */
export function wantedVolumes({ storage, components, provider }: SiteFile): Readonly<Record<string, number>> {
  const { mongodbGb, mysqlGb, rabbitmqGb, volumes } = storage
  // Hetzner has no smaller ones.
  const isHetzner = provider.kind === 'hcloud' || isHetznerByRancher(provider)
  const sized = (sizeGb: number) => (isHetzner ? Math.max(sizeGb, 10) : sizeGb)
  const further = Object.entries(volumes).map(([name, { sizeGb }]) => [name, sized(sizeGb)] as const)
  return {
    ...(components.mongodb?.external === undefined ? { mongodb: sized(mongodbGb) } : {}),
    ...(components.mysql?.external === undefined ? { mysql: sized(mysqlGb) } : {}),
    ...(components.rabbitmq?.external === undefined ? { rabbitmq: sized(rabbitmqGb) } : {}),
    ...Object.fromEntries(further),
  }
}

const usualSizes: Readonly<Record<string, number>> = { mongodb: 20, mysql: 5, rabbitmq: 2 }

function storageValues(file: SiteFile): Tree {
  const { storage, provider } = file
  const sizes = wantedVolumes(file)
  const mode = provider.kind === 'local' ? 'path' : 'storageClass'
  const isUsual = (name: string) => mode === 'path' && sizes[name] === usualSizes[name]
  // At Hetzner each is a volume of stage `volumes`, whose outputs say what it is.
  const isOrdered = provider.kind === 'hcloud'
  const made = (size: string): Tree => (isOrdered ? {} : { mode, size })
  const own = Object.keys(usualSizes)
    .filter((name) => !isUsual(name))
    .map((name) => [name, sizes[name] === undefined ? null : made(`${sizes[name]}Gi`)] as const)
    .filter(([, value]) => value === null || Object.keys(value).length > 0)
  const further = Object.entries(storage.volumes).map(
    ([name, { sizeGb, access, namespace }]) =>
      [name, { ...(isOrdered ? { mode: 'csi' } : made(`${sizeGb}Gi`)), accessMode: access, namespace }] as const,
  )
  const volumes = Object.fromEntries([...own, ...further])
  return {
    ...(Object.keys(volumes).length === 0 ? {} : { volumes }),
    ...(storage.class === undefined ? {} : { storageClass: storage.class }),
  }
}

function systemValues(file: SiteFile): Tree {
  const { components: parts, mail } = file
  const names = secretNames
  const elsewhere = (external: Tree | undefined, facts: Tree): Tree =>
    external === undefined ? {} : { enabled: false, external: facts }
  const { mongodb, mysql, rabbitmq, jupyterhub } = parts
  const replaced: Readonly<Record<string, Tree>> = {
    mongodb: elsewhere(mongodb?.external, {
      host: mongodb?.external?.host,
      port: mongodb?.external?.port,
      existingSecret: names.mongodb,
    }),
    mysql: elsewhere(mysql?.external, {
      host: mysql?.external?.host,
      port: mysql?.external?.port,
      existingSecret: names.mysql,
    }),
    rabbitmq: elsewhere(rabbitmq?.external, {
      host: rabbitmq?.external?.host,
      port: rabbitmq?.external?.port,
      managementUrl: rabbitmq?.external?.managementUrl,
      existingSecret: names.rabbitmq,
    }),
    jupyterhub: elsewhere(jupyterhub?.external, {
      apiUrl: jupyterhub?.external?.apiUrl,
      existingSecret: names.jupyterhub,
    }),
    omegaweb: {},
    cloudmgr: {},
  }
  const sections = Object.keys(replaced) as (keyof typeof parts)[]
  const components = sections.flatMap((name) => {
    const values = mergeTrees(replaced[name] ?? {}, (parts[name] as { values?: Tree } | undefined)?.values ?? {})
    return Object.keys(values).length === 0 ? [] : [[name, values] as const]
  })
  const site = siteFacts(file)
  return {
    ...(isFar(file) ? publicAddresses(file) : {}),
    ...Object.fromEntries(components),
    ...(Object.keys(site).length === 0 ? {} : { site }),
    ...(mail?.smtp?.password === undefined ? {} : { mail: { existingSecret: names.mail } }),
  }
}

/** What the service is to know of its site, as its ConfigMap has it. */
function siteFacts(file: SiteFile): Tree {
  const { title, quota, home, limits, signUp, services, mail } = file
  // What a site says of its defaults adds to the usual ones.
  const defaults = file.defaults && { ...usualDefaults, ...file.defaults }
  const pip = file.packages && pipOf(file.packages.index)
  const facts = { title, defaults, quota, home, limits, signUp, services, pip, mail: mail && mailFacts(mail) }
  const said = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined))
  return { ...said, ...(isFar(file) ? farFacts(file) : {}), ...endpoints(file) }
}

/** Whether people reach the site by its own names and usual ports, not by ports of the loopback. */
function isFar({ provider }: SiteFile): boolean {
  return provider.kind !== 'local'
}

function publicAddresses(file: SiteFile): Tree {
  const scheme = file.tls.kind === 'none' ? 'http' : 'https'
  const domain = domainOf(file)
  return { publicUrl: `${scheme}://hub.${domain}`, notebookUrl: `${scheme}://notebook.${domain}` }
}

function farFacts(file: SiteFile): Tree {
  const domain = domainOf(file)
  return {
    provider: file.provider.kind,
    tls: file.tls.kind !== 'none',
    mongo: { publicHost: `mongo.${domain}:27017` },
    broker: { publicHost: `broker.${domain}:5671` },
    ...(file.storage.class === undefined ? {} : { storageClass: file.storage.class }),
  }
}

/** Accounts reach services elsewhere without a way round. */
function endpoints({ components: { mongodb, rabbitmq } }: SiteFile): Tree {
  const of = ({ host, port }: { host: string; port: number }) => ({
    publicHost: `${host}:${port}`,
    internalHost: `${host}:${port}`,
  })
  return {
    ...(mongodb?.external === undefined ? {} : { mongo: of(mongodb.external) }),
    ...(rabbitmq?.external === undefined ? {} : { broker: of(rabbitmq.external) }),
  }
}

function mailFacts({ from, smtp }: NonNullable<SiteFile['mail']>): Tree {
  const { password: _secret, ...server } = smtp ?? {}
  return { ...(from === undefined ? {} : { from }), ...(smtp === undefined ? {} : { smtp: server }) }
}

/** Values that the charts get in the end, as far as they say something of sizes: for the check of machines. */
export function effectiveValues(defaults: ChartValues, file: SiteFile): ChartValues {
  const wanted = wantedValues(file)
  const roles = { nodeRoles: { enabled: selectsRoles(file) } }
  return byChart((chart) => mergeTrees(mergeTrees(defaults[chart], roles), wanted[chart]))
}
