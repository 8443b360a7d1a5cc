import { useQuery } from '@tanstack/react-query'
import { api, type Cluster, type Node } from '../api.ts'
import { Cli } from '../frame/Cli.tsx'
import { Panel } from '../frame/Panel.tsx'
import { Loading, Problem } from '../frame/States.tsx'
import { Status } from '../frame/Status.tsx'
import { Table } from '../frame/Table.tsx'
import { Time } from '../frame/Time.tsx'
import { Title } from '../frame/Title.tsx'
import classes from './Machines.module.css'

const refetchInterval = 10_000

/** What the site runs on; for admins. */
export function Machines() {
  return (
    <>
      <Title>Machines</Title>
      <Nodes />
      <Clusters />
    </>
  )
}

function Nodes() {
  const { data, error, refetch } = useQuery({ queryKey: ['nodes'], queryFn: api.nodes, refetchInterval })
  if (error !== null) return <Problem title="The machines can’t be shown" error={error} again={refetch} />
  if (data === undefined) return <Loading />
  const head = ['Name', 'State', 'Role', 'Cores', 'Memory', 'Cluster', 'Pool']
  return (
    <Panel title="All machines" aside={<span className="small dim">{ready(data.nodes)}</span>}>
      {data.nodes.length === 0 ? (
        <p className={classes['empty']}>No machine has joined yet.</p>
      ) : (
        <Table name="Table of all machines" head={head}>
          {data.nodes.map((node) => (
            <tr key={`${node.cluster ?? ''} ${node.name}`}>
              <th scope="row">{node.name}</th>
              <td>
                <Readiness ready={node.ready} />
              </td>
              <td>{node.role}</td>
              <td className={classes['number']}>{node.cores}</td>
              <td className={classes['number']}>{gigabytes(node.memoryBytes)}</td>
              <td>{node.cluster ?? <span className="dim">the site’s own</span>}</td>
              <td>
                {node.pool === undefined ? (
                  <span className="dim">{node.cluster === undefined ? 'the site’s' : 'the cluster’s'}</span>
                ) : (
                  `${node.pool} of ${node.account}`
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Panel>
  )
}

function Clusters() {
  const { data, error, refetch } = useQuery({ queryKey: ['clusters'], queryFn: api.clusters, refetchInterval })
  if (error !== null) return <Problem title="The clusters can’t be shown" error={error} again={refetch} />
  if (data === undefined) return <Loading />
  return (
    <Panel title="Clusters beside the site’s own" foot={<Cli line="cloudmgr cluster list" />}>
      {data.clusters.length === 0 ? (
        <p className={classes['empty']}>There is none. An order of plan cluster makes one.</p>
      ) : (
        <Table
          name="Table of all clusters"
          head={['Name', 'State', 'Machines', 'Ordered for', 'Accounts there', 'Since']}
        >
          {data.clusters.map((cluster) => (
            <tr key={cluster.name}>
              <th scope="row">{cluster.name}</th>
              <td>
                <State state={cluster.state} />
              </td>
              <td>
                {cluster.machines === undefined
                  ? 'not known'
                  : `${cluster.machines.ready} of ${cluster.machines.all} ready`}
              </td>
              <td>{cluster.account}</td>
              <td>{cluster.tenants?.join(', ') || <span className="dim">nobody</span>}</td>
              <td>
                <Time at={cluster.since} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Panel>
  )
}

function ready(nodes: readonly Node[]): string {
  return `${nodes.filter((node) => node.ready === 'True').length} of ${nodes.length} ready`
}

/** As machines are sold, to one place. */
function gigabytes(bytes: number): string {
  return `${Math.round((bytes / 1024 ** 3) * 10) / 10} GB`
}

function Readiness({ ready }: { ready: Node['ready'] }) {
  switch (ready) {
    case 'True':
      return <Status tone="done">Ready</Status>
    case 'False':
      return <Status tone="failed">Not ready</Status>
    case 'Unknown':
      return <Status tone="failed">Not heard of</Status>
  }
}

function State({ state }: { state: Cluster['state'] }) {
  switch (state) {
    case 'ready':
      return <Status tone="done">Ready</Status>
    case 'making':
      return <Status tone="running">Being made</Status>
    case 'removing':
      return <Status tone="running">Being removed</Status>
  }
}
