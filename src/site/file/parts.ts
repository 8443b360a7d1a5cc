import { isTree, type Tree, treeAt } from '../../base/merge.ts'
import type { ChartName, ChartValues } from './chart-values.ts'
import type { ComponentRole } from './pools.ts'

/** One pod of the site and what it asks for. */
export interface Part {
  readonly name: string
  readonly role: ComponentRole
  readonly cores: number
  readonly memoryGb: number
}

interface Source {
  readonly name: string
  readonly chart: ChartName
  readonly role: ComponentRole
  /** Where its requests are; empty: at the top. */
  readonly at: string
  readonly enabled?: string
  readonly replicas?: string
}

const sources: readonly Source[] = [
  { name: 'mongodb', chart: 'omegaml-system', role: 'dbmaster', at: 'mongodb', enabled: 'mongodb.enabled' },
  { name: 'mysql', chart: 'omegaml-system', role: 'dbmaster', at: 'mysql', enabled: 'mysql.enabled' },
  { name: 'rabbitmq', chart: 'omegaml-system', role: 'ingress', at: 'rabbitmq', enabled: 'rabbitmq.enabled' },
  { name: 'nginx', chart: 'omegaml-ingress', role: 'ingress', at: 'nginx', replicas: 'nginx.replicas' },
  { name: 'jupyterhub', chart: 'omegaml-system', role: 'system', at: 'jupyterhub', enabled: 'jupyterhub.enabled' },
  {
    name: 'jupyterhub-proxy',
    chart: 'omegaml-system',
    role: 'system',
    at: 'jupyterhub.proxy',
    enabled: 'jupyterhub.enabled',
  },
  {
    name: 'omegaweb',
    chart: 'omegaml-system',
    role: 'system',
    at: 'omegaweb',
    enabled: 'omegaweb.enabled',
    replicas: 'omegaweb.replicas',
  },
  { name: 'cloudmgr', chart: 'omegaml-system', role: 'system', at: 'cloudmgr', enabled: 'cloudmgr.enabled' },
  { name: 'worker', chart: 'omegaml-worker', role: 'worker', at: '', replicas: 'replicas' },
]

/** The pods of the site with these values, one for each replica. */
export function partsOf(values: ChartValues): Part[] {
  return sources.flatMap((source) => {
    const tree = values[source.chart]
    if (source.enabled !== undefined && treeAt(tree, source.enabled) === false) return []
    const replicas = source.replicas === undefined ? 1 : Number(treeAt(tree, source.replicas) ?? 1)
    return Array.from({ length: replicas }, () => partOf(source, tree))
  })
}

function partOf({ name, role, at }: Source, tree: Tree): Part {
  const requests = treeAt(tree, `${at === '' ? '' : `${at}.`}resources.requests`)
  const of = (what: string) => (isTree(requests) ? String(requests[what] ?? '0') : '0')
  return { name, role, cores: coresOf(of('cpu')), memoryGb: gbOf(of('memory')) }
}

/** Kubernetes' quantity of cores: `150m` is 0.15. */
export function coresOf(quantity: string): number {
  return quantity.endsWith('m') ? Number(quantity.slice(0, -1)) / 1000 : Number(quantity)
}

const units: Readonly<Record<string, number>> = {
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
}

/** Kubernetes' quantity of memory in GB (of 1024³ bytes, as machines are sized here). */
export function gbOf(quantity: string): number {
  const [, number = '0', unit = ''] = /^([0-9.]+)([A-Za-z]*)$/.exec(quantity) ?? []
  return (Number(number) * (units[unit] ?? 1)) / 1024 ** 3
}
