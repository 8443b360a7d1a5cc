import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { useAccount } from '../accounts/session.ts'
import { api, type Deployment } from '../api.ts'
import { serviceName, State as CommandState } from '../commands/State.tsx'
import { Facts } from '../frame/Facts.tsx'
import { Panel } from '../frame/Panel.tsx'
import { Loading, Problem } from '../frame/States.tsx'
import { Time } from '../frame/Time.tsx'
import { Title } from '../frame/Title.tsx'
import { OrderForm } from '../orders/OrderForm.tsx'
import { valueText } from '../orders/values.ts'
import { Phases } from './Phases.tsx'
import { State } from './State.tsx'

/** What was delivered: what it is, what is done with it, how it is changed or taken away. */
export function DeploymentPage() {
  const { id } = useParams({ strict: false })
  const me = useAccount()?.userid
  const found = useQuery({
    queryKey: ['deployment', Number(id)],
    queryFn: () => api.deployment(Number(id)),
    refetchInterval: ({ state }) => (isMoving(state.data) ? 2_000 : 10_000),
  })
  const name = found.data?.plan ?? ''
  const plan = useQuery({
    queryKey: ['plan', name],
    queryFn: () => api.plan(name),
    enabled: name !== '',
    staleTime: 300_000,
  })
  const error = found.error ?? plan.error
  const deployment = found.data
  if (deployment === undefined || plan.data === undefined) {
    return error === null ? (
      <Loading />
    ) : (
      <>
        <Title>Service</Title>
        <Problem title="This can’t be shown" error={error} again={found.refetch} />
      </>
    )
  }
  const { phases, orderable } = plan.data
  const account = deployment.account === me ? undefined : deployment.account
  const isOurs = orderable === 'user' || (orderable === 'admin' && account !== undefined)
  const isThere = deployment.state === 'active' || deployment.state === 'failed' || deployment.state === 'suspended'
  const isChanged = isOurs && isThere && phases.includes('update')
  return (
    <>
      <div className="row apart">
        <Title>{serviceName(deployment)}</Title>
        <State state={deployment.state} />
      </div>
      {deployment.message !== undefined && (
        <Problem title="The last order failed" error={new Error(deployment.message)} />
      )}
      <About deployment={deployment} params={!isChanged} />
      {isChanged && (
        <OrderForm
          key={deployment.updatedAt}
          plan={plan.data}
          phase="update"
          before={deployment.params}
          account={account}
        />
      )}
      {isOurs && <Phases deployment={deployment} plan={plan.data} account={account} />}
    </>
  )
}

function isMoving(deployment: Deployment | undefined): boolean {
  return deployment?.state === 'pending' || deployment?.state === 'removing'
}

/** With its parameters, where no form shows them. */
function About({ deployment, params: shows }: { deployment: Deployment; params: boolean }) {
  const { account, createdAt, suspendedAt, command, params } = deployment
  const facts: [string, React.ReactNode][] = [
    ['Of', account],
    ['Since', <Time key="t" at={createdAt} />],
    ['Suspended', suspendedAt === undefined ? undefined : <Time key="t" at={suspendedAt} />],
    [
      'Last order',
      command === undefined ? undefined : (
        <span className="row">
          <Link to="/commands/$id" params={{ id: String(command.id) }}>
            {`${command.phase}, order ${command.id}`}
          </Link>
          <CommandState state={command.state} />
        </span>
      ),
    ],
    ...Object.entries(shows ? params : {}).map(([name, value]): [string, React.ReactNode] => [
      name,
      <code key="v">{valueText(value)}</code>,
    ]),
  ]
  return (
    <Panel title="About">
      <Facts facts={facts} />
    </Panel>
  )
}
