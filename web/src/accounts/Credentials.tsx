import { ActionIcon, Skeleton } from '@mantine/core'
import { IconEye, IconEyeOff } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { type Account, api } from '../api.ts'
import { Copy } from '../frame/Copy.tsx'
import { Line } from '../frame/Line.tsx'
import { Panel } from '../frame/Panel.tsx'
import { Problem } from '../frame/States.tsx'
import classes from './Credentials.module.css'
import { credentialsKey } from './queries.ts'
import { Replace } from './Replace.tsx'

/** How a program signs in as this account: shown masked, copied whole. */
export function Credentials({ account: { userid, role } }: { account: Account }) {
  const [shown, setShown] = useState(false)
  // Not kept longer than it is looked at.
  const { data, error, refetch } = useQuery({
    queryKey: credentialsKey(userid),
    queryFn: () => api.credentials(userid),
    gcTime: 0,
  })
  if (error !== null) {
    return (
      <Panel title="Connect">
        <div className={classes['body']}>
          <Problem title="Your credentials can’t be shown" error={error} again={refetch} />
        </div>
      </Panel>
    )
  }
  if (data === undefined) {
    return (
      <Panel title="Connect">
        <div className={classes['body']} aria-busy="true">
          <Skeleton height={20} width="40%" mb={16} />
          <Skeleton height={20} width="70%" mb={16} />
          <Skeleton height={44} />
        </div>
      </Panel>
    )
  }
  const key = shown ? data.apikey : '•'.repeat(16)
  const line = (apikey: string) => `om cloud login ${userid} ${apikey} --apiurl ${data.apiUrl}`
  const Eye = shown ? IconEyeOff : IconEye
  const eye = shown ? 'Hide API key' : 'Show API key'
  return (
    <Panel title="Connect">
      <div className={classes['body']}>
        <dl className={classes['list']}>
          <dt>userid</dt>{' '}
          <dd>
            <span>{userid}</span>
            <Copy text={userid} what="userid" />
          </dd>
          <dt>apikey</dt>{' '}
          <dd>
            <span>{key}</span>
            <ActionIcon variant="subtle" color="gray" aria-label={eye} title={eye} onClick={() => setShown(!shown)}>
              <Eye size={17} stroke={1.75} />
            </ActionIcon>
            <Copy text={data.apikey} what="API key" />
          </dd>
          <dt>apiurl</dt>{' '}
          <dd>
            <span>{data.apiUrl}</span>
            <Copy text={data.apiUrl} what="API URL" />
          </dd>
        </dl>
        {role !== 'admin' && (
          <div>
            <p className="small dim">Paste this into a terminal that has the omegaml client</p>
            <div className={classes['command']}>
              <Line>{line(key)}</Line>
              <Copy text={line(data.apikey)} what="login command" wide />
            </div>
          </div>
        )}
        <Replace userid={userid} />
      </div>
    </Panel>
  )
}
