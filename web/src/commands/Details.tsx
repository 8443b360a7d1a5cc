import { Link, useParams } from '@tanstack/react-router'
import { useAccount } from '../accounts/session.ts'
import type { CommandDetails } from '../api.ts'
import { Cli } from '../frame/Cli.tsx'
import { Facts } from '../frame/Facts.tsx'
import { Panel } from '../frame/Panel.tsx'
import { Loading, Problem, sentence } from '../frame/States.tsx'
import { Time } from '../frame/Time.tsx'
import { Title } from '../frame/Title.tsx'
import { valueText } from '../orders/values.ts'
import { Changes } from './Changes.tsx'
import classes from './Details.module.css'
import { useCommand } from './follow.ts'
import { serviceName, State } from './State.tsx'
import { Steps } from './Steps.tsx'

/** Everything that is known of an order, as it happens. */
export function CommandPage() {
  const { id } = useParams({ strict: false })
  return <Followed id={Number(id)} key={id} />
}

function Followed({ id }: { id: number }) {
  const { command, error, again } = useCommand(id)
  if (command === undefined) {
    return error === null ? (
      <Loading />
    ) : (
      <>
        <Title>{`Order ${id}`}</Title>
        <Problem title="The order can’t be shown" error={error} again={again} />
      </>
    )
  }
  return (
    <>
      <div className="row apart">
        <Title name={`Order ${id}`}>{heading(command)}</Title>
        <State state={command.state} />
      </div>
      {error !== null && <Problem title="This may be out of date" error={error} again={again} />}
      <Outcome command={command} />
      <Changes command={command} again={again} />
      <Panel title="Steps" foot={<Cli line={`cloudmgr command follow ${id}`} />}>
        {command.steps.length === 0 ? (
          <p className="empty">{ended(command) ? 'Nothing had to be done.' : 'The steps are not known yet.'}</p>
        ) : (
          <Steps steps={command.steps} detailed />
        )}
      </Panel>
      <About command={command} />
    </>
  )
}

const words: Record<CommandDetails['phase'], string> = {
  install: 'Order of',
  update: 'Change of',
  remove: 'Removal of',
  suspend: 'Suspension of',
  resume: 'Resumption of',
}

function heading(command: CommandDetails): string {
  return `${words[command.phase]} ${serviceName(command)}`
}

function ended({ state }: CommandDetails): boolean {
  return state === 'done' || state === 'failed'
}

function Outcome({ command: { state, message } }: { command: CommandDetails }) {
  if (message === undefined) return null
  if (state === 'failed') return <Problem title="It failed" error={new Error(message)} />
  return <p className="dim">{sentence(message)}</p>
}

function About({ command }: { command: CommandDetails }) {
  const me = useAccount()?.userid
  const { id, account, requestedBy, createdAt, startedAt, endedAt, params, undoes } = command
  const { undoOf, issuedBy, waitsFor } = command
  const facts: [string, React.ReactNode][] = [
    ['Number', String(id)],
    ['For', account ?? 'the site'],
    ['Ordered by', requestedBy === me ? `${requestedBy} (you)` : requestedBy],
    ['Ordered', <Time key="t" at={createdAt} />],
    ['Begun', startedAt === undefined ? undefined : <Time key="t" at={startedAt} />],
    ['Ended', endedAt === undefined ? undefined : <Time key="t" at={endedAt} />],
    [
      'Takes back',
      undoOf === undefined ? undefined : (
        <Link key="l" to="/commands/$id" params={{ id: String(undoOf) }}>
          {`order ${undoOf}`}
        </Link>
      ),
    ],
    [
      'Placed by',
      issuedBy === undefined ? undefined : (
        <Link key="l" to="/commands/$id" params={{ id: String(issuedBy) }}>
          {`order ${issuedBy}`}
        </Link>
      ),
    ],
    [
      'Waits for',
      waitsFor === undefined ? undefined : (
        <>
          <Link to="/commands/$id" params={{ id: String(waitsFor.command) }}>{`order ${waitsFor.command}`}</Link>
          {` (${waitsFor.phase} of ${serviceName(waitsFor)}), since `}
          <Time at={waitsFor.since} />
        </>
      ),
    ],
    [ended(command) ? 'Undo takes back' : 'If it fails, undo takes back', undoText(command, undoes)],
  ]
  const given = Object.entries(params)
  return (
    <Panel title="About">
      <Facts facts={facts} />
      {given.length > 0 && (
        <div className={classes['params']}>
          <h3>Parameters</h3>
          <Facts facts={given.map(([name, value]) => [name, <code key="v">{valueText(value)}</code>])} />
        </div>
      )}
    </Panel>
  )
}

/** Nothing can be said before the steps are known. */
function undoText({ state, phase, steps }: CommandDetails, undoes: readonly string[]): string | undefined {
  if (state === 'done' || phase === 'remove' || steps.length === 0) return undefined
  return undoes.length === 0 ? 'nothing: what was there before stays' : undoes.join(', ')
}
