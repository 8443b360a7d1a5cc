import { useQuery } from '@tanstack/react-query'
import type { Account } from '../api.ts'
import { api } from '../api.ts'
import { Credentials } from '../accounts/Credentials.tsx'
import { sessionQuery } from '../accounts/session.ts'
import { SetUp } from '../commands/SetUp.tsx'
import { Apps } from '../deployments/List.tsx'
import { Loading, Problem } from '../frame/States.tsx'
import { Title } from '../frame/Title.tsx'
import { Approvals } from '../accounts/Approvals.tsx'

/** What one has here and how to use it; until it is there, how far it is. */
export function Home() {
  const { data: session } = useQuery(sessionQuery)
  return session == null ? <Loading /> : <Start name={session.account.userid} known={session.account} />
}

function Start({ name, known }: { name: string; known: Account }) {
  const account = useQuery({
    queryKey: ['account', name],
    queryFn: () => api.account(name),
    initialData: known,
    initialDataUpdatedAt: 0,
    // The end of its order is told by the stream; this is the net.
    refetchInterval: ({ state }) => (state.data?.status === 'pending' ? 5_000 : false),
  })
  const { status, role } = account.data
  if (status === 'pending' || status === 'failed') return <SetUp account={account.data} />
  return (
    <>
      <Title name="Home">{`Hello, ${name}`}</Title>
      {account.error !== null && (
        <Problem title="This may be out of date" error={account.error} again={account.refetch} />
      )}
      {role === 'admin' ? <Approvals /> : <Apps account={account.data} />}
      <Credentials account={account.data} />
    </>
  )
}
