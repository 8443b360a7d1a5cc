import { Loader } from '@mantine/core'
import { IconCheck, IconCircle, IconX } from '@tabler/icons-react'
import type { CommandDetails } from '../api.ts'
import { sentence } from '../frame/States.tsx'
import classes from './Steps.module.css'

type Step = CommandDetails['steps'][number]

export function Steps({ steps }: { steps: readonly Step[] }) {
  const done = steps.filter(({ state }) => state === 'done').length
  const running = steps.filter(({ state }) => state === 'running').map(({ step }) => step)
  return (
    <>
      <p className="visually-hidden" role="status">
        {`${done} of ${steps.length} steps done${running.length === 0 ? '' : `, now ${running.join(', ')}`}`}
      </p>
      <ol className={classes['steps']}>
        {steps.map((step) => (
          <li key={step.step} data-state={step.state}>
            <Sign state={step.state} />
            <div>
              <span className={classes['name']}>{named(step.step)}</span>
              <span className="visually-hidden">: {step.state}</span>
              <Words step={step} />
            </div>
            <span className={classes['time']}>{took(step)}</span>
          </li>
        ))}
      </ol>
    </>
  )
}

function Words({ step: { state, waiting, message, attempts } }: { step: Step }) {
  const words = state === 'failed' ? message : state === 'done' ? undefined : (waiting ?? again(attempts, message))
  return words === undefined ? null : <p className="small dim">{sentence(words)}</p>
}

function again(attempts: number, message: string | undefined): string | undefined {
  return attempts > 1 && message !== undefined ? `attempt ${attempts}, after: ${message}` : undefined
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

function took({ startedAt, endedAt }: Step): string {
  if (startedAt === undefined || endedAt === undefined) return ''
  const seconds = (Date.parse(endedAt) - Date.parse(startedAt)) / 1_000
  return seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`
}
