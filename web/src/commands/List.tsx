import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useAccount } from '../accounts/session.ts'
import { api } from '../api.ts'
import { Cli } from '../frame/Cli.tsx'
import { More } from '../frame/More.tsx'
import { Panel } from '../frame/Panel.tsx'
import { Loading, Problem } from '../frame/States.tsx'
import { Table } from '../frame/Table.tsx'
import { Time } from '../frame/Time.tsx'
import { Title } from '../frame/Title.tsx'
import { serviceName, State } from './State.tsx'

/** Orders, newest first: one's own, or everybody's for admins. */
export function CommandList() {
  const isAdmin = useAccount()?.role === 'admin'
  const list = useInfiniteQuery({
    queryKey: ['commands', 'list'],
    queryFn: ({ pageParam }) => api.commands({ limit: 30, ...(pageParam === undefined ? {} : { before: pageParam }) }),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: ({ next }) => next,
    refetchInterval: 5_000,
  })
  const { data, error, refetch } = list
  const commands = data?.pages.flatMap((page) => page.commands)
  const head = ['Order', 'Service', 'Phase', ...(isAdmin ? ['For'] : []), 'State', 'Ordered']
  return (
    <>
      <Title>Orders</Title>
      {error !== null && <Problem title="The orders can’t be shown" error={error} again={refetch} />}
      {commands === undefined && error === null && <Loading />}
      {commands !== undefined && (
        <Panel title={isAdmin ? 'All orders' : 'Your orders'} foot={<Cli line="cloudmgr command list" />}>
          {commands.length === 0 ? (
            <p className="empty">Nothing was ordered yet.</p>
          ) : (
            <Table name="Table of orders" head={head}>
              {commands.map((command) => (
                <tr key={command.id}>
                  <th scope="row">
                    <Link to="/commands/$id" params={{ id: String(command.id) }}>
                      {command.id}
                    </Link>
                  </th>
                  <td>{serviceName(command)}</td>
                  <td>{command.phase}</td>
                  {isAdmin && <td>{command.account ?? ''}</td>}
                  <td>
                    <State state={command.state} />
                  </td>
                  <td>
                    <Time at={command.createdAt} />
                  </td>
                </tr>
              ))}
            </Table>
          )}
          <More {...list} />
        </Panel>
      )}
    </>
  )
}
