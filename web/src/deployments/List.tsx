import { Button } from '@mantine/core'
import { IconArrowUpRight } from '@tabler/icons-react'
import type { Account } from '../api.ts'
import { Panel } from '../frame/Panel.tsx'
import { Status } from '../frame/Status.tsx'
import classes from './List.module.css'

/** JupyterHub signs in whoever is signed in here, and starts the server or goes to the running one. */
const signedInThere = (notebookUrl: string): string =>
  `${new URL(notebookUrl).origin}/hub/oauth_login?next=${encodeURIComponent('/hub/spawn')}`

/** What was delivered to an account. */
export function Apps({ account }: { account: Account }) {
  const { notebookUrl, status } = account
  return (
    <Panel title="Your apps">
      {notebookUrl === undefined ? (
        <p className={classes['empty']}>Nothing was delivered to this account.</p>
      ) : (
        <ul>
          <li className={classes['app']}>
            <div>
              <h3>omegaml</h3>
              <p className="small dim">Datasets and models, notebooks, tasks on the shared runtime</p>
            </div>
            {status === 'active' ? <Status tone="done">Ready</Status> : <Status tone="idle">{status}</Status>}
            <Button
              component="a"
              href={signedInThere(notebookUrl)}
              target="_blank"
              rel="noopener"
              variant="default"
              rightSection={<IconArrowUpRight size={16} stroke={1.75} aria-hidden="true" />}
            >
              Notebook
            </Button>
          </li>
        </ul>
      )}
    </Panel>
  )
}
