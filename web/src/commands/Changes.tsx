import { Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { api, type CommandDetails } from '../api.ts'
import { Cli } from '../frame/Cli.tsx'
import { Problem } from '../frame/States.tsx'
import classes from './Details.module.css'

type Change = CommandDetails['may'][number]

const changes: Record<Change, { label: string; about: (command: CommandDetails) => string; sure: string }> = {
  cancel: {
    label: 'Cancel',
    about: () => 'It ends as failed. What was done stays done, and can be continued or taken back.',
    sure: 'Cancel it now',
  },
  retry: { label: 'Try again', about: () => '', sure: '' },
  undo: {
    label: 'Undo',
    about: ({ undoes }) => `What it has begun is taken back: ${undoes.join(', ') || 'nothing yet'}.`,
    sure: 'Undo it now',
  },
}

/** What may be done with an order as it stands; the service says what. */
export function Changes({ command, again }: { command: CommandDetails; again: () => void }) {
  const navigate = useNavigate()
  const [asked, setAsked] = useState<Change>()
  const change = useMutation({
    mutationFn: (what: Change) => api.change(command.id, what),
    onSuccess: async ({ id }) => {
      setAsked(undefined)
      if (id === command.id) again()
      else await navigate({ to: '/commands/$id', params: { id: String(id) } })
    },
  })
  const may = command.may.filter((what) => what === asked || asked === undefined)
  if (may.length === 0) return null
  return (
    <div className={classes['changes']}>
      {change.error !== null && <Problem title="That was not done" error={change.error} />}
      {asked === undefined ? (
        <div className="row">
          {may.map((what) => (
            <Button
              key={what}
              variant={what === 'retry' ? 'filled' : 'default'}
              size="xs"
              loading={change.isPending}
              onClick={() => (what === 'retry' ? change.mutate(what) : setAsked(what))}
            >
              {what === 'retry' ? changes[what].label : `${changes[what].label}…`}
            </Button>
          ))}
        </div>
      ) : (
        <div className="stack">
          <p className="small">{changes[asked].about(command)}</p>
          <div className="row">
            <Button size="xs" loading={change.isPending} onClick={() => change.mutate(asked)}>
              {changes[asked].sure}
            </Button>
            <Button size="xs" variant="default" autoFocus onClick={() => setAsked(undefined)}>
              Keep it as it is
            </Button>
          </div>
          <Cli line={`cloudmgr command ${asked} ${command.id}`} />
        </div>
      )}
    </div>
  )
}
