import { Button, Loader } from '@mantine/core'
import { IconAlertCircle, IconCircleCheck } from '@tabler/icons-react'
import { type ErrorComponentProps, useRouter } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { ApiError } from '../api.ts'
import classes from './States.module.css'
import { Title } from './Title.tsx'

/** What went wrong and what to do next. Read out when it appears. */
export function Problem({ title, error, again }: { title: string; error?: unknown; again?: () => unknown }) {
  const reason = error instanceof Error ? error.message : undefined
  return (
    <div role="alert" className={classes['problem']}>
      <IconAlertCircle size={18} stroke={1.9} aria-hidden="true" />
      <div>
        <strong>{title}</strong>
        {reason !== undefined && reason !== title && <p>{sentence(reason)}</p>}
        {again !== undefined && (
          <Button variant="default" size="compact-sm" mt={8} onClick={() => void again()}>
            Try again
          </Button>
        )}
      </div>
    </div>
  )
}

export function Success({ children }: { children: ReactNode }) {
  return (
    <div role="status" className={classes['success']}>
      <IconCircleCheck size={18} stroke={1.9} aria-hidden="true" />
      <div>{children}</div>
    </div>
  )
}

export function Loading() {
  return (
    <div className={classes['loading']} role="status">
      <Loader size="sm" color="var(--mantine-color-dimmed)" aria-hidden="true" />
      <span>Loading…</span>
    </div>
  )
}

/** Instead of a page that could not be shown. */
export function Broken({ error }: ErrorComponentProps) {
  const router = useRouter()
  const status = error instanceof ApiError ? error.status : undefined
  return (
    <main className={classes['whole']}>
      <Title>{status === 0 ? 'No connection' : 'This page can’t be shown'}</Title>
      <Problem
        title={status === undefined ? 'Something in this page failed' : 'The service did not answer as it should'}
        error={error}
        again={() => router.invalidate()}
      />
    </main>
  )
}

/** Messages of the service begin in lower case and end without a point. */
export function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`
}
