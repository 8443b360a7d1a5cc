import { Button, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useEffect, useRef, useState } from 'react'
import { useAccount } from '../accounts/session.ts'
import { ApiError, api, type Order, type Plan } from '../api.ts'
import { Cli } from '../frame/Cli.tsx'
import { Panel } from '../frame/Panel.tsx'
import { Problem, sentence } from '../frame/States.tsx'
import { ParameterField } from './Field.tsx'
import { FieldProblem, fieldsOf, paramsOf } from './fields.ts'
import { commandLine, nameParameter, randomKey } from './order.ts'
import classes from './Orders.module.css'
import { PreviewOf } from './Preview.tsx'

/** More than these wait behind a click. */
const FIRST = 6

interface Props {
  readonly plan: Plan
  readonly phase: 'install' | 'update'
  /** What was delivered before. */
  readonly before?: Readonly<Record<string, unknown>>
  /** Whose it is; the caller's own when left out. */
  readonly account?: string | undefined
}

/** Parameters, what they would change, and then the order. */
export function OrderForm({ plan, phase, before = {}, account }: Props) {
  const navigate = useNavigate()
  const isAdmin = useAccount()?.role === 'admin'
  const form = useRef<HTMLFormElement>(null)
  const fields = fieldsOf(plan.parameters)
  const [asked, setAsked] = useState<{ order: Order; key: string }>()
  const preview = useMutation({ mutationFn: api.preview })
  const place = useMutation({
    mutationFn: ({ order, key }: { order: Order; key: string }) => api.order(order, key),
    onSuccess: async ({ id }) => await navigate({ to: '/commands/$id', params: { id: String(id) } }),
  })
  const [wrong, setWrong] = useState<FieldProblem>()
  const error = place.error ?? preview.error
  const problems = error instanceof ApiError ? error.fields : {}
  const problemOf = (name: string): string | undefined => {
    if (wrong?.field === name) return wrong.message
    const problem = problems[`params.${name}`] ?? problems[name]
    return problem === undefined ? undefined : sentence(problem)
  }
  const shown = fields.some(({ name }) => problemOf(name) !== undefined)

  useEffect(() => {
    if (error !== null || wrong !== undefined) {
      form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus()
    }
  }, [error, wrong])

  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const typed = Object.fromEntries(
      [...new FormData(event.currentTarget)].map(([name, value]) => [name, typeof value === 'string' ? value : '']),
    )
    try {
      const params = paramsOf(fields, typed, before)
      // What tells several apart is said in any case.
      const name = nameParameter(plan)
      if (name !== undefined && before[name] !== undefined) params[name] = before[name]
      const subject = account ?? (isAdmin ? typed['account']?.trim() : undefined)
      const order = {
        plan: plan.plan,
        phase,
        params,
        ...(subject === undefined || subject === '' ? {} : { account: subject }),
      }
      setWrong(undefined)
      setAsked({ order: order as Order, key: randomKey() })
      place.reset()
      preview.mutate(order as Order)
    } catch (problem) {
      if (!(problem instanceof FieldProblem)) throw problem
      preview.reset()
      setWrong(problem)
    }
  }
  const back = () => {
    preview.reset()
    place.reset()
  }

  const ready = preview.data !== undefined && asked !== undefined
  const isHidden = (name: string) => fields.slice(FIRST).some((field) => field.name === name)
  const field = (one: (typeof fields)[number]) => (
    <ParameterField
      key={one.name}
      field={one}
      value={before[one.name]}
      error={problemOf(one.name)}
      fixed={phase === 'update' && one.name === nameParameter(plan)}
    />
  )
  return (
    <>
      <div hidden={ready}>
        <Panel title={phase === 'install' ? 'Parameters' : 'Change it'}>
          <form ref={form} onSubmit={onSubmit} noValidate className={classes['form']}>
            {isAdmin && account === undefined && (
              <TextInput
                name="account"
                label="For"
                description="User id of the account"
                autoCapitalize="none"
                autoComplete="off"
                error={problems['account'] === undefined ? undefined : sentence(problems['account'])}
              />
            )}
            {fields.length === 0 && <p className="small dim">It has no parameters.</p>}
            <div className={classes['fields']}>{fields.slice(0, FIRST).map(field)}</div>
            {fields.length > FIRST && (
              <details
                className={classes['more']}
                {...(fields.some(({ name }) => isHidden(name) && problemOf(name) !== undefined) ? { open: true } : {})}
              >
                <summary>{`${fields.length - FIRST} more`}</summary>
                <div className={classes['fields']}>{fields.slice(FIRST).map(field)}</div>
              </details>
            )}
            {error !== null && !shown && <Problem title="That can’t be ordered" error={error} />}
            <div>
              <Button type="submit" loading={preview.isPending}>
                Preview
              </Button>
            </div>
          </form>
        </Panel>
      </div>
      {ready && (
        <div className="stack">
          <PreviewOf preview={preview.data} />
          {place.error !== null && <Problem title="It was not ordered" error={place.error} />}
          <div className="row">
            <Button loading={place.isPending || place.isSuccess} onClick={() => place.mutate(asked)}>
              {phase === 'install' ? 'Order now' : 'Change now'}
            </Button>
            <Button variant="default" onClick={back} autoFocus>
              Back
            </Button>
          </div>
          <Cli line={commandLine(asked.order, plan.parameters)} />
        </div>
      )}
    </>
  )
}
