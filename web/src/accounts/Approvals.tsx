import { Button } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { type Account, api } from '../api.ts'
import { Panel } from '../frame/Panel.tsx'
import { Loading, Problem } from '../frame/States.tsx'
import classes from './Approvals.module.css'
import { approvalsQuery } from './queries.ts'

/** Who waits for a yes; for admins. */
export function Approvals() {
  const { data, error, refetch } = useQuery(approvalsQuery)
  const [decided, setDecided] = useState<string>()
  const waiting = data?.accounts
  return (
    <Panel title="Waiting for approval">
      <p role="status" className="visually-hidden">
        {decided}
      </p>
      {error !== null && (
        <div className={classes['body']}>
          <Problem title="The accounts can’t be shown" error={error} again={refetch} />
        </div>
      )}
      {data === undefined && error === null && <Loading />}
      {waiting?.length === 0 && (
        <p className={classes['empty']}>Nobody waits. New accounts appear here by themselves.</p>
      )}
      <ul>
        {waiting?.map((account) => (
          <Waiting key={account.userid} account={account} decided={setDecided} />
        ))}
      </ul>
    </Panel>
  )
}

function Waiting({ account: { userid, email }, decided }: { account: Account; decided: (words: string) => void }) {
  const queries = useQueryClient()
  const [sure, setSure] = useState(false)
  const settled = (words: string) => async () => {
    decided(words)
    await queries.invalidateQueries({ queryKey: ['accounts'] })
  }
  const approve = useMutation({ mutationFn: () => api.approve(userid), onSuccess: settled(`${userid} is approved`) })
  const reject = useMutation({ mutationFn: () => api.reject(userid), onSuccess: settled(`${userid} is rejected`) })
  const failed = approve.error ?? reject.error
  return (
    <li className={classes['waiting']}>
      <div>
        <strong>{userid}</strong>
        <p className="small dim">{email}</p>
      </div>
      <div className="row">
        {sure ? (
          <>
            <Button size="xs" variant="default" onClick={() => setSure(false)}>
              Keep
            </Button>
            <Button size="xs" color="red" loading={reject.isPending} onClick={() => reject.mutate()} autoFocus>
              Reject and remove
            </Button>
          </>
        ) : (
          <>
            <Button size="xs" variant="default" onClick={() => setSure(true)} aria-label={`Reject ${userid}`}>
              Reject
            </Button>
            <Button
              size="xs"
              loading={approve.isPending}
              onClick={() => approve.mutate()}
              aria-label={`Approve ${userid}`}
            >
              Approve
            </Button>
          </>
        )}
      </div>
      {failed !== null && <Problem title={`Nothing was decided about ${userid}`} error={failed} />}
    </li>
  )
}
