import { useInfiniteQuery } from '@tanstack/react-query'
import type { Account } from '../api.ts'
import { Cli } from '../frame/Cli.tsx'
import { More } from '../frame/More.tsx'
import { Panel } from '../frame/Panel.tsx'
import { Loading, Problem } from '../frame/States.tsx'
import { Status } from '../frame/Status.tsx'
import { Table } from '../frame/Table.tsx'
import { Time } from '../frame/Time.tsx'
import { Title } from '../frame/Title.tsx'
import { Approvals } from './Approvals.tsx'
import { accountsQuery } from './queries.ts'

/** Who there is; for admins. */
export function AccountList() {
  const list = useInfiniteQuery(accountsQuery)
  const { data, error, refetch } = list
  return (
    <>
      <Title>Accounts</Title>
      <Approvals />
      {error !== null && <Problem title="The accounts can’t be shown" error={error} again={refetch} />}
      {data === undefined && error === null && <Loading />}
      {data !== undefined && (
        <Panel title="All accounts" foot={<Cli line="cloudmgr account list" />}>
          <Table name="Table of all accounts" head={['Userid', 'E-mail address', 'Role', 'State', 'Since']}>
            {data.pages
              .flatMap(({ accounts }) => accounts)
              .map((account) => (
                <tr key={account.userid}>
                  <th scope="row">{account.userid}</th>
                  <td>{account.email}</td>
                  <td>{account.role}</td>
                  <td>
                    <State status={account.status} />
                  </td>
                  <td>
                    <Time at={account.createdAt} />
                  </td>
                </tr>
              ))}
          </Table>
          <More {...list} />
        </Panel>
      )}
    </>
  )
}

function State({ status }: { status: Account['status'] }) {
  switch (status) {
    case 'active':
      return <Status tone="done">Active</Status>
    case 'pending':
      return <Status tone="running">Being set up</Status>
    case 'removing':
      return <Status tone="running">Being removed</Status>
    case 'failed':
      return <Status tone="failed">Failed</Status>
    case 'unconfirmed':
      return <Status tone="idle">Not confirmed</Status>
    case 'waiting-approval':
      return <Status tone="idle">Waits for approval</Status>
    case 'disabled':
      return <Status tone="idle">Disabled</Status>
    case 'removed':
      return <Status tone="idle">Removed</Status>
  }
}
