import { Button } from '@mantine/core'
import { IconArrowUpRight } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type Account, api, type Deployment } from '../api.ts'
import { serviceName } from '../commands/State.tsx'
import { Cli } from '../frame/Cli.tsx'
import { More } from '../frame/More.tsx'
import { Panel } from '../frame/Panel.tsx'
import { Loading, Problem, sentence } from '../frame/States.tsx'
import classes from './List.module.css'
import { State } from './State.tsx'

/** JupyterHub signs in whoever is signed in here, and starts the server or goes to the running one. */
const signedInThere = (notebookUrl: string): string =>
  `${new URL(notebookUrl).origin}/hub/oauth_login?next=${encodeURIComponent('/hub/spawn')}`

/** What was delivered to an account, with its state and what was last done with it. */
export function Apps({ account }: { account: Account }) {
  const { userid, notebookUrl } = account
  const list = useInfiniteQuery({
    queryKey: ['deployments', userid],
    queryFn: ({ pageParam }) =>
      api.deployments({ account: userid, ...(pageParam === undefined ? {} : { after: pageParam }) }),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: ({ next }) => next,
    refetchInterval: 5_000,
  })
  const { data, error, refetch } = list
  const apps = data?.pages.flatMap(({ deployments }) => deployments)
  return (
    <Panel
      title="Your apps"
      aside={
        <Button component={Link} to="/services" variant="default" size="xs">
          Order a service
        </Button>
      }
      foot={<Cli line="cloudmgr status" />}
    >
      {error !== null && (
        <div className={classes['problem']}>
          <Problem title="Your apps can’t be shown" error={error} again={refetch} />
        </div>
      )}
      {apps === undefined && error === null && <Loading />}
      {apps?.length === 0 && <p className="empty">Nothing was delivered to this account.</p>}
      {apps !== undefined && apps.length > 0 && (
        <ul>
          {apps.map((app) => (
            <App key={app.id} app={app} notebookUrl={app.plan === 'omegaml' ? notebookUrl : undefined} />
          ))}
        </ul>
      )}
      <More {...list} />
    </Panel>
  )
}

function App({ app, notebookUrl }: { app: Deployment; notebookUrl: string | undefined }) {
  const { data } = useQuery({ queryKey: ['plans'], queryFn: api.plans, staleTime: 300_000 })
  const about = app.plan === 'omegaml' ? aboutAccount(app) : data?.plans.find(({ plan }) => plan === app.plan)?.title
  const { state, message, command } = app
  return (
    <li className={classes['app']}>
      <div className={classes['about']}>
        <h3>
          <Link to="/deployments/$id" params={{ id: String(app.id) }}>
            {serviceName(app)}
          </Link>
        </h3>
        <p className="small dim">{about}</p>
        {message !== undefined && <p className="small">{sentence(message)}</p>}
        {command !== undefined && (command.state !== 'done' || state !== 'active') && (
          <p className="small">
            <Link to="/commands/$id" params={{ id: String(command.id) }}>
              {`${command.phase}, order ${command.id}`}
            </Link>
          </p>
        )}
      </div>
      <State state={state} />
      {notebookUrl !== undefined && (
        <Button
          component="a"
          className={classes['notebook']}
          href={signedInThere(notebookUrl)}
          target="_blank"
          rel="noopener"
          variant="default"
          rightSection={<IconArrowUpRight size={16} stroke={1.75} aria-hidden="true" />}
        >
          Notebook
        </Button>
      )}
    </li>
  )
}

/** What comes with an account; with a virtual host of its own, its tasks need workers of its own. */
function aboutAccount({ params }: Deployment): string {
  const shared = params['vhost'] === true ? '' : ', tasks on the shared runtime'
  return `Datasets and models, notebooks${shared}`
}
