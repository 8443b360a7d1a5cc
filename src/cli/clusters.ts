import { type ExitCode, exitCodes } from './exit.ts'
import { type GlobalOptions, type Io, print, printJson } from './io.ts'
import { connect } from './service.ts'
import { table } from './table.ts'

interface ShownCluster {
  readonly name: string
  readonly state: string
  readonly provider: string
  readonly machines?: { readonly all: number; readonly ready: number }
  readonly account?: string
  readonly tenants?: readonly string[]
  readonly apiServer?: string
}

/** Clusters beside the site's own. */
export async function listClusters(options: GlobalOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  const { clusters } = await api.call<{ clusters: ShownCluster[] }>({ path: '/api/v2/clusters' })
  if (options.json === true) printJson(io, clusters)
  else if (clusters.length === 0) print(io, 'there is none beside the site’s own')
  else print(io, ...table([['CLUSTER', 'STATE', 'MACHINES', 'ACCOUNT', 'TENANTS', 'API SERVER'], ...clusters.map(row)]))
  return exitCodes.ok
}

function row({ name, state, machines, account = '', tenants = [], apiServer = '' }: ShownCluster): string[] {
  const ready = machines === undefined ? '?' : `${machines.ready} of ${machines.all} ready`
  return [name, state, ready, account, tenants.join(', '), apiServer]
}
