import { Button } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '../api.ts'
import { Cli } from '../frame/Cli.tsx'
import { Problem, Success } from '../frame/States.tsx'
import { credentialsKey } from './queries.ts'

/** New credentials for old ones, after saying what that means. */
export function Replace({ userid }: { userid: string }) {
  const queries = useQueryClient()
  const [asked, setAsked] = useState(false)
  const replace = useMutation({
    mutationFn: () => api.rotate(userid),
    onSuccess: (credentials) => {
      setAsked(false)
      queries.setQueryData(credentialsKey(userid), credentials)
    },
  })
  if (!asked) {
    return (
      <>
        {replace.isSuccess && <Success>The new API key is in place; the old one is of no use any more.</Success>}
        <div>
          <Button variant="default" size="xs" onClick={() => setAsked(true)}>
            Replace credentials…
          </Button>
        </div>
      </>
    )
  }
  return (
    <div className="stack">
      <p className="small">
        The API key and the passwords of database and broker are made anew. Programs that use the old ones, running
        notebooks too, must be given the new ones.
      </p>
      {replace.error !== null && <Problem title="Nothing was replaced" error={replace.error} />}
      <div className="row">
        <Button size="xs" loading={replace.isPending} onClick={() => replace.mutate()}>
          Replace now
        </Button>
        <Button size="xs" variant="default" onClick={() => setAsked(false)} autoFocus>
          Keep
        </Button>
      </div>
      <Cli line={`cloudmgr account rotate ${userid}`} />
    </div>
  )
}
