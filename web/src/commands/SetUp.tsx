import { useQuery } from '@tanstack/react-query'
import { type Account, api } from '../api.ts'
import { Cli } from '../frame/Cli.tsx'
import { Panel } from '../frame/Panel.tsx'
import { Loading, Problem } from '../frame/States.tsx'
import { Title } from '../frame/Title.tsx'
import { useCommand } from './follow.ts'
import { Steps } from './Steps.tsx'

/** How far the account is: the steps of the order that delivers it, as they happen. */
export function SetUp({ account: { userid, status, statusDetail } }: { account: Account }) {
  const {
    data: id,
    error,
    refetch,
  } = useQuery({
    queryKey: ['commands', 'latest', userid],
    queryFn: () => latestOrder(userid),
    // The order is written together with the account; another one may follow a failed one.
    refetchInterval: ({ state }) => (state.data == null ? 1_000 : 10_000),
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
      {id === undefined && error === null && <Loading />}
      {id === null && <p className="dim">The order has not been written yet.</p>}
      {id != null && <Followed id={id} key={id} />}
    </>
  )
}

function Followed({ id }: { id: number }) {
  const { command, error, again } = useCommand(id)
  if (command === undefined) {
    return error === null ? <Loading /> : <Problem title="The steps can’t be shown" error={error} again={again} />
  }
  return (
    <Panel title="Steps" foot={<Cli line={`cloudmgr command follow ${id}`} />}>
      <Steps steps={command.steps} />
    </Panel>
  )
}

/** What is being done now, or was done last. */
async function latestOrder(userid: string): Promise<number | null> {
  const { commands } = await api.commands({ account: userid, limit: 10 })
  const order = commands.find(({ state }) => state === 'running') ?? commands[0]
  return order?.id ?? null
}
