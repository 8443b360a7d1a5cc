import { useInfiniteQuery } from '@tanstack/react-query'
import { api, type Mail } from '../api.ts'
import { More } from '../frame/More.tsx'
import { Panel } from '../frame/Panel.tsx'
import { Loading, Problem, sentence } from '../frame/States.tsx'
import { Status } from '../frame/Status.tsx'
import { Time } from '../frame/Time.tsx'
import { Title } from '../frame/Title.tsx'
import classes from './List.module.css'

/** What was sent to whom; for admins. */
export function MailList() {
  const list = useInfiniteQuery({
    queryKey: ['mails'],
    queryFn: ({ pageParam }) => api.mails(pageParam === undefined ? {} : { before: pageParam }),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: ({ next }) => next,
    refetchInterval: 5_000,
  })
  const { data, error, refetch } = list
  const mails = data?.pages.flatMap((page) => page.mails)
  return (
    <>
      <Title>Mails</Title>
      {error !== null && <Problem title="The mails can’t be shown" error={error} again={refetch} />}
      {mails === undefined && error === null && <Loading />}
      {mails !== undefined && (
        <Panel title="Outbound">
          {mails.length === 0 ? (
            <p className={classes['empty']}>No mail was sent yet.</p>
          ) : (
            <ul>
              {mails.map((mail) => (
                <Row key={mail.id} mail={mail} />
              ))}
            </ul>
          )}
          <More {...list} />
        </Panel>
      )}
    </>
  )
}

function Row({ mail }: { mail: Mail }) {
  return (
    <li>
      <details className={classes['mail']}>
        <summary>
          <span className={classes['subject']}>{mail.subject}</span>
          <span className={classes['to']}>{mail.to}</span>
          <State status={mail.status} />
          <span className={classes['time']}>
            <Time at={mail.createdAt} />
          </span>
        </summary>
        {mail.message !== undefined && <p className={classes['message']}>{sentence(mail.message)}</p>}
        <pre>{mail.text}</pre>
      </details>
    </li>
  )
}

function State({ status }: { status: Mail['status'] }) {
  switch (status) {
    case 'sent':
      return <Status tone="done">Sent</Status>
    case 'waiting':
      return <Status tone="running">Waiting</Status>
    case 'failed':
      return <Status tone="failed">Failed</Status>
    case 'listed':
      return <Status tone="idle">Listed only</Status>
  }
}
