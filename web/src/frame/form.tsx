import { Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useEffect, useRef } from 'react'
import { ApiError } from '../api.ts'
import { Problem, sentence } from './States.tsx'

type Fields = Readonly<Record<string, string>>

/**
 * A form that asks the service: what is wrong is shown at its field, the rest above the button. Fields are read when
 * they are sent, so that password managers may fill them as they like.
 */
export function useForm<T>(send: (fields: Fields) => Promise<T>, done: (answer: T, fields: Fields) => unknown) {
  const ref = useRef<HTMLFormElement>(null)
  const { mutate, error, isPending, isSuccess } = useMutation({
    mutationFn: send,
    onSuccess: (answer, fields) => done(answer, fields),
  })
  const fields = error instanceof ApiError ? error.fields : {}

  useEffect(() => {
    if (error !== null) ref.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus()
  }, [error])

  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    if (isPending) return
    const sent = [...new FormData(event.currentTarget)].map(([name, value]) => [
      name,
      typeof value === 'string' ? value : '',
    ])
    mutate(Object.fromEntries(sent) as Fields)
  }

  return {
    form: { ref, onSubmit, noValidate: true, className: 'stack' },
    // What follows a success takes a moment: the button does not come back before.
    busy: isPending || isSuccess,
    sent: isSuccess,
    error,
    /** What the service says of a field, for its `error`. */
    wrong: (name: string): string | undefined =>
      fields[name] === undefined ? undefined : sentence(fields[name].replace(/^right is /, 'Expected: ')),
    /** What is wrong with none of the `shown` fields. */
    rest: (shown: readonly string[]): Error | undefined =>
      error !== null && !shown.some((name) => fields[name] !== undefined) ? error : undefined,
  }
}

/** The end of a form: what failed as a whole, and the button. */
export function Submit({
  busy,
  failed,
  title,
  children,
}: {
  busy: boolean
  failed?: Error | undefined
  title: string
  children: ReactNode
}) {
  return (
    <>
      {failed !== undefined && <Problem title={title} error={failed} />}
      <Button type="submit" fullWidth size="md" loading={busy}>
        {children}
      </Button>
    </>
  )
}
