import { Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { api, type Deployment, type Order, type Plan } from '../api.ts'
import { Cli } from '../frame/Cli.tsx'
import { Panel } from '../frame/Panel.tsx'
import { Problem } from '../frame/States.tsx'
import { commandLine, nameParameter, randomKey } from '../orders/order.ts'
import { PreviewOf } from '../orders/Preview.tsx'
import classes from './List.module.css'

type Phase = 'suspend' | 'resume' | 'remove'

const words: Record<Phase, { ask: string; about: string; sure: string }> = {
  suspend: { ask: 'Suspend…', about: 'Nothing of it runs then; nothing is lost.', sure: 'Suspend it now' },
  resume: { ask: 'Resume…', about: 'It runs again as before.', sure: 'Resume it now' },
  remove: {
    ask: 'Remove…',
    about: 'It is taken away with what it holds. This can’t be taken back.',
    sure: 'Remove it now',
  },
}

/** Suspends, resumes, removes: each with a look at what would happen. */
export function Phases({
  deployment,
  plan,
  account,
}: {
  deployment: Deployment
  plan: Plan
  account: string | undefined
}) {
  const navigate = useNavigate()
  const [asked, setAsked] = useState<{ phase: Phase; key: string }>()
  const preview = useMutation({ mutationFn: api.preview })
  const place = useMutation({
    mutationFn: ({ order, key }: { order: Order; key: string }) => api.order(order, key),
    onSuccess: async ({ id }) => await navigate({ to: '/commands/$id', params: { id: String(id) } }),
  })
  const orderOf = (phase: Phase): Order => {
    const name = nameParameter(plan)
    const params = name === undefined ? {} : { [name]: deployment.instance }
    return { plan: plan.plan, phase, params, preview: false, ...(account === undefined ? {} : { account }) }
  }
  const ask = (phase: Phase) => {
    setAsked({ phase, key: randomKey() })
    place.reset()
    preview.mutate(orderOf(phase))
  }
  const offered = phasesFor(deployment, plan)
  if (offered.length === 0) return null
  return (
    <Panel title="More">
      <div className={classes['phases']}>
        {asked === undefined ? (
          <div className="row">
            {offered.map((phase) => (
              <Button key={phase} variant="default" size="xs" onClick={() => ask(phase)}>
                {words[phase].ask}
              </Button>
            ))}
          </div>
        ) : (
          <>
            <p className="small">{words[asked.phase].about}</p>
            {preview.error !== null && <Problem title="That can’t be done" error={preview.error} />}
            {place.error !== null && <Problem title="That was not ordered" error={place.error} />}
            {preview.data !== undefined && <PreviewOf preview={preview.data} />}
            <div className="row">
              {preview.error === null && (
                <Button
                  size="xs"
                  loading={preview.isPending || place.isPending || place.isSuccess}
                  onClick={() => place.mutate({ order: orderOf(asked.phase), key: asked.key })}
                >
                  {words[asked.phase].sure}
                </Button>
              )}
              <Button size="xs" variant="default" autoFocus onClick={() => setAsked(undefined)}>
                Keep it as it is
              </Button>
            </div>
            <Cli line={commandLine(orderOf(asked.phase), plan.parameters)} />
          </>
        )}
      </div>
    </Panel>
  )
}

function phasesFor({ state }: Deployment, { phases }: Plan): Phase[] {
  const can: Record<Deployment['state'], Phase[]> = {
    active: ['suspend', 'remove'],
    suspended: ['resume', 'remove'],
    failed: ['remove'],
    pending: [],
    removing: [],
    removed: [],
  }
  return can[state].filter((phase) => phases.includes(phase))
}
