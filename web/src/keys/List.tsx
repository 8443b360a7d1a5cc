import { Button, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useAccount } from '../accounts/session.ts'
import { type ApiKey, api } from '../api.ts'
import { Cli } from '../frame/Cli.tsx'
import { Copy } from '../frame/Copy.tsx'
import { useForm } from '../frame/form.tsx'
import { Line } from '../frame/Line.tsx'
import { Panel } from '../frame/Panel.tsx'
import { Loading, Problem, Success } from '../frame/States.tsx'
import { Table } from '../frame/Table.tsx'
import { Time } from '../frame/Time.tsx'
import { Title } from '../frame/Title.tsx'
import classes from './Keys.module.css'

/** One's own API keys. */
export function KeyList() {
  const userid = useAccount()?.userid
  return userid === undefined ? <Loading /> : <Keys userid={userid} />
}

const keysKey = (userid: string) => ['keys', userid]

function Keys({ userid }: { userid: string }) {
  const queries = useQueryClient()
  const { data, error, refetch } = useQuery({ queryKey: keysKey(userid), queryFn: () => api.keys(userid) })
  const again = () => void queries.invalidateQueries({ queryKey: keysKey(userid) })
  return (
    <>
      <Title>API keys</Title>
      <p className="dim">
        A key of its own for each program or machine: it can be ended without disturbing the others. The first one is
        shown under Connect on your home page, and replaced there.
      </p>
      {error !== null && <Problem title="Your keys can’t be shown" error={error} again={refetch} />}
      {data === undefined && error === null && <Loading />}
      {data !== undefined && (
        <Panel title="Your keys" foot={<Cli line={`cloudmgr key list ${userid}`} />}>
          <Table name="Table of your keys" head={['Name', 'Made', 'Ends', 'Last used', '']}>
            {data.keys.map((key) => (
              <Row key={key.id} userid={userid} apikey={key} again={again} />
            ))}
          </Table>
        </Panel>
      )}
      <NewKey userid={userid} again={again} />
    </>
  )
}

function Row({ userid, apikey, again }: { userid: string; apikey: ApiKey; again: () => void }) {
  const { id, name, main, createdAt, expiresAt, lastUsedAt } = apikey
  const [asked, setAsked] = useState(false)
  const revoke = useMutation({ mutationFn: () => api.revokeKey(userid, id), onSuccess: again })
  return (
    <tr>
      <th scope="row">{main ? 'first key' : name}</th>
      <td>
        <Time at={createdAt} />
      </td>
      <td>{expiresAt === undefined ? 'never' : <Time at={expiresAt} />}</td>
      <td>{lastUsedAt === undefined ? 'never' : <Time at={lastUsedAt} />}</td>
      <td>
        {revoke.error !== null && <Problem title="It was not revoked" error={revoke.error} />}
        {!main && !asked && (
          <Button variant="default" size="compact-xs" onClick={() => setAsked(true)}>
            Revoke<span className="visually-hidden">&nbsp;{name}</span>…
          </Button>
        )}
        {asked && (
          <div className={classes['sure']}>
            <Button size="compact-xs" loading={revoke.isPending} onClick={() => revoke.mutate()}>
              Revoke now
            </Button>
            <Button variant="default" size="compact-xs" autoFocus onClick={() => setAsked(false)}>
              Keep
            </Button>
          </div>
        )}
      </td>
    </tr>
  )
}

function NewKey({ userid, again }: { userid: string; again: () => void }) {
  const [made, setMade] = useState<{ name: string; apikey: string }>()
  return (
    <Panel title="Another key">
      <div className={classes['new']}>
        {made === undefined ? (
          <Form userid={userid} made={setMade} again={again} />
        ) : (
          <>
            <Success>{`Key ${made.name} is made. It is shown this once: copy it now.`}</Success>
            <div className={classes['key']}>
              <Line>{made.apikey}</Line>
              <Copy text={made.apikey} what="API key" wide />
            </div>
            <div>
              <Button variant="default" size="xs" onClick={() => setMade(undefined)}>
                I have it
              </Button>
            </div>
          </>
        )}
      </div>
    </Panel>
  )
}

function Form({
  userid,
  made,
  again,
}: {
  userid: string
  made: (key: { name: string; apikey: string }) => void
  again: () => void
}) {
  const { form, busy, error, wrong, rest } = useForm(
    ({ name = '', ends = '' }) =>
      api.createKey(userid, { name, ...(ends === '' ? {} : { expiresAt: `${ends}T23:59:59Z` }) }),
    ({ name, apikey }) => {
      made({ name, apikey })
      again()
    },
  )
  return (
    <form {...form}>
      <div className={classes['fields']}>
        <TextInput
          name="name"
          label="Name"
          description="What it is for, such as the name of a machine"
          autoComplete="off"
          error={wrong('name')}
        />
        <TextInput
          name="ends"
          type="date"
          label="Last day"
          description="Left out: it does not end"
          error={wrong('expiresAt')}
        />
      </div>
      {error !== null && rest(['name', 'expiresAt']) !== undefined && <Problem title="No key was made" error={error} />}
      <div>
        <Button type="submit" loading={busy}>
          Make a key
        </Button>
      </div>
    </form>
  )
}
