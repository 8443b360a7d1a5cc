import { Loader } from '@mantine/core'
import { IconCheck, IconCircle, IconMinus, IconX } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'
import type { CommandDetails } from '../api.ts'
import { sentence } from '../frame/States.tsx'
import { Time } from '../frame/Time.tsx'
import classes from './Steps.module.css'

type Step = CommandDetails['steps'][number]

/** Steps as they happen; `detailed` with what each said and since when it waits. */
export function Steps({ steps, detailed = false }: { steps: readonly Step[]; detailed?: boolean }) {
  const done = steps.filter(({ state }) => state === 'done').length
  const running = steps.filter(({ state }) => state === 'running').map(({ step }) => step)
  return (
    <>
      <p className="visually-hidden" role="status">
        {`${done} of ${steps.length} steps done${running.length === 0 ? '' : `, now ${running.join(', ')}`}`}
      </p>
      <ol className={classes['steps']}>
        {steps.map((step) => (
          <li key={step.task} data-state={step.state}>
            <Sign state={step.state} />
            <div className={classes['words']}>
              <span className={classes['name']}>{named(step.step)}</span>
              {step.does === 'remove' && (
                <span className={classes['removes']}>
                  <IconMinus size={12} stroke={2} aria-hidden="true" /> taken away
                </span>
              )}
              <span className="visually-hidden">: {step.state}</span>
              <Words step={step} detailed={detailed} />
              {detailed && step.output.length > 0 && <Output step={step} />}
            </div>
            <Took step={step} />
          </li>
        ))}
      </ol>
    </>
  )
}

function Words({ step, detailed }: { step: Step; detailed: boolean }) {
  const { state, waiting, waitingSince, message, attempts } = step
  const words = state === 'failed' ? message : state === 'done' ? undefined : (waiting ?? again(attempts, message))
  if (words === undefined) return null
  const since = detailed && state !== 'failed' && waiting !== undefined ? waitingSince : undefined
  return (
    <p className="small dim">
      {since === undefined ? (
        sentence(words)
      ) : (
        <>
          Waits for {waiting}, since <Time at={since} />
        </>
      )}
    </p>
  )
}

function again(attempts: number, message: string | undefined): string | undefined {
  return attempts > 1 && message !== undefined ? `attempt ${attempts}, after: ${message}` : undefined
}

/** What a step said; stays at its end while more comes, unless somebody reads further up. */
function Output({ step: { step, state, output } }: { step: Step }) {
  const box = useRef<HTMLPreElement>(null)
  const follows = useRef(true)
  const [open, setOpen] = useState(state === 'running' || state === 'failed')
  // oxlint-disable-next-line react/exhaustive-deps -- every line moves the end
  useEffect(() => {
    if (box.current !== null && follows.current) box.current.scrollTop = box.current.scrollHeight
  }, [output.length, open])
  const onScroll = () => {
    const { scrollTop = 0, scrollHeight = 0, clientHeight = 0 } = box.current ?? {}
    follows.current = scrollHeight - scrollTop - clientHeight < 24
  }
  return (
    <details className={classes['output']} open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{output.length === 1 ? '1 line' : `${output.length} lines`}</summary>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reached by keyboard */}
      <pre ref={box} onScroll={onScroll} tabIndex={0} aria-label={`Output of ${step}`}>
        {output.join('\n')}
      </pre>
    </details>
  )
}

function Sign({ state }: { state: Step['state'] }) {
  switch (state) {
    case 'done':
      return <IconCheck size={18} stroke={2.25} aria-hidden="true" />
    case 'failed':
      return <IconX size={18} stroke={2.25} aria-hidden="true" />
    case 'running':
      return <Loader size={16} color="var(--running)" aria-hidden="true" />
    case 'waiting':
      return <IconCircle size={18} stroke={1.5} aria-hidden="true" />
  }
}

function named(step: string): string {
  const words = step.replaceAll('-', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** How long it took, or has taken so far. */
function Took({ step: { state, startedAt, endedAt } }: { step: Step }) {
  const [now, setNow] = useState(Date.now)
  const counts = state === 'running' && startedAt !== undefined
  useEffect(() => {
    if (!counts) return undefined
    const timer = setInterval(() => setNow(Date.now()), 1_000)
    return () => clearInterval(timer)
  }, [counts])
  if (startedAt === undefined || (endedAt === undefined && !counts)) return <span className={classes['time']} />
  const end = endedAt === undefined ? now : Date.parse(endedAt)
  return (
    <span className={classes['time']}>{seconds(Math.max(0, end - Date.parse(startedAt)), endedAt === undefined)}</span>
  )
}

function seconds(ms: number, counting: boolean): string {
  const whole = Math.round(ms / 1_000)
  if (whole >= 60) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return ms < 10_000 && !counting ? `${(ms / 1_000).toFixed(1)} s` : `${whole} s`
}
