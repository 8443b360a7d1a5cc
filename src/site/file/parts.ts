import { gbOf, quantity } from '../../base/quantity.ts'
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
  const of = (what: string) => {
    const amount = isTree(requests) ? requests[what] : undefined
    return typeof amount === 'string' || typeof amount === 'number' ? String(amount) : '0'
  }
  return { name, role, cores: quantity(of('cpu')), memoryGb: gbOf(of('memory')) }
}
