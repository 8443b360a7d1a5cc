import { useQuery } from '@tanstack/react-query'
import { type Account, api } from '../api.ts'
import { Cli } from '../frame/Cli.tsx'
import { Panel } from '../frame/Panel.tsx'
import { Loading, Problem } from '../frame/States.tsx'
import { Title } from '../frame/Title.tsx'
import { Steps } from './Steps.tsx'

/** How far the account is: the steps of the order that delivers it, as they happen. */
export function SetUp({ account: { userid, status, statusDetail } }: { account: Account }) {
  const every = status === 'pending' ? 1_000 : false
  const {
    data: order,
    error,
    refetch,
  } = useQuery({
    queryKey: ['set-up', userid],
    queryFn: () => latestOrder(userid),
    refetchInterval: every,
  })
  const failed = status === 'failed'
  return (
    <>
      <div className="stack">
        <Title>{failed ? 'Your account could not be set up' : 'Your account is being set up'}</Title>
        <p className="dim">
          {failed
            ? 'Nothing is lost. An administrator sees this too, and continues it once the reason is gone.'
            : 'This takes some seconds. The page goes on by itself as soon as everything is there.'}
        </p>
      </div>
      {failed && statusDetail !== undefined && <Problem title="What went wrong" error={new Error(statusDetail)} />}
      {error !== null && <Problem title="The steps can’t be shown" error={error} again={refetch} />}
      {order === undefined && error === null && <Loading />}
      {order === null && <p className="dim">The order has not been written yet.</p>}
      {order != null && (
        <Panel title="Steps" foot={<Cli line={`cloudmgr commands show ${order.id} --service`} />}>
          <Steps steps={order.steps} />
        </Panel>
      )}
    </>
  )
}

/** What is being done now, or was done last. */
async function latestOrder(userid: string) {
  const { commands } = await api.commands(userid)
  const order = commands.find(({ state }) => state === 'running') ?? commands[0]
  return order === undefined ? null : await api.command(order.id)
}
