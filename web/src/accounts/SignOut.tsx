import { Button } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Problem } from '../frame/States.tsx'
import { Title } from '../frame/Title.tsx'
import { useSignOut } from './session.ts'

export function SignOut() {
  const { mutate, isPending, error } = useMutation({ mutationFn: useSignOut() })
  return (
    <div className="stack">
      <Title>Sign out?</Title>
      <p className="dim">What runs for you goes on running.</p>
      {error !== null && <Problem title="You are still signed in" error={error} />}
      <Button size="md" fullWidth loading={isPending} onClick={() => mutate()}>
        Sign Out
      </Button>
      <p className="small">
        <Link to="/">Stay signed in</Link>
      </p>
    </div>
  )
}
