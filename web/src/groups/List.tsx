import { Button, TextInput } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useAccount } from '../accounts/session.ts'
import { api, type Group } from '../api.ts'
import { Cli } from '../frame/Cli.tsx'
import { More } from '../frame/More.tsx'
import { Panel } from '../frame/Panel.tsx'
import { Loading, Problem } from '../frame/States.tsx'
import { Table } from '../frame/Table.tsx'
import { Title } from '../frame/Title.tsx'
import classes from '../keys/Keys.module.css'

/** The groups that one is in, or all for those who manage them, and who else is. */
export function GroupList() {
  const list = useInfiniteQuery({
    queryKey: ['groups'],
    queryFn: ({ pageParam }) => api.groups(pageParam === undefined ? {} : { after: pageParam }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next }) => next,
  })
  const { data, error, refetch } = list
  const groups = data?.pages.flatMap((page) => page.groups)
  return (
    <>
      <Title>Groups</Title>
      <p className="dim">
        Members of a group share what it has: its name is a qualifier, as in <code>om.setup(qualifier=…)</code>.
      </p>
      {error !== null && <Problem title="The groups can’t be shown" error={error} again={refetch} />}
      {groups === undefined && error === null && <Loading />}
      {groups?.length === 0 && <p className="dim">You are in no group.</p>}
      {groups?.map((group) => (
        <OneGroup key={group.name} group={group} />
      ))}
      <More {...list} />
    </>
  )
}

function OneGroup({ group }: { group: Group }) {
  const queries = useQueryClient()
  const me = useAccount()
  const again = () => void queries.invalidateQueries({ queryKey: ['groups'] })
  const drop = useMutation({
    mutationFn: (account: string) => api.dropMember(group.name, account, group.etag),
    onSettled: again,
  })
  const own = group.members.find(({ account }) => account === me?.userid)?.role
  const manages = own === 'owner' || me?.role === 'admin' || me?.rights.includes('groups:manage') === true
  const [asked, setAsked] = useState<string>()
  return (
    <Panel title={group.name} foot={<Cli line={`cloudmgr group show ${group.name}`} />}>
      {drop.error !== null && <Problem title="Nobody was taken out" error={drop.error} />}
      <Table name={`Members of ${group.name}`} head={['Member', 'Role', '']}>
        {group.members.map(({ account, role }) => (
          <tr key={account}>
            <th scope="row">{account}</th>
            <td>{role}</td>
            <td>
              {(manages || account === me?.userid) && asked !== account && (
                <Button variant="default" size="compact-xs" onClick={() => setAsked(account)}>
                  {account === me?.userid ? 'Leave…' : 'Take out…'}
                  <span className="visually-hidden">&nbsp;{account}</span>
                </Button>
              )}
              {asked === account && (
                <div className={classes['sure']}>
                  <Button size="compact-xs" loading={drop.isPending} onClick={() => drop.mutate(account)}>
                    Do it: the group gets new passwords
                  </Button>
                  <Button variant="default" size="compact-xs" autoFocus onClick={() => setAsked(undefined)}>
                    Keep
                  </Button>
                </div>
              )}
            </td>
          </tr>
        ))}
      </Table>
      {manages && <AddMember group={group} again={again} />}
    </Panel>
  )
}

function AddMember({ group, again }: { group: Group; again: () => void }) {
  const add = useMutation({
    mutationFn: (account: string) => api.setMember(group.name, account, 'member', group.etag),
    onSettled: again,
  })
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = event.currentTarget
    const account = new FormData(form).get('account')
    if (typeof account !== 'string' || account.trim() === '') return
    add.mutate(account.trim(), { onSuccess: () => form.reset() })
  }
  return (
    <form className={classes['new']} onSubmit={onSubmit}>
      {add.error !== null && <Problem title="Nobody was taken in" error={add.error} />}
      <div className="row">
        <TextInput
          name="account"
          aria-label={`User id of another member of ${group.name}`}
          placeholder="User id"
          autoCapitalize="none"
          autoComplete="off"
        />
        <Button type="submit" variant="default" loading={add.isPending}>
          Take in
        </Button>
      </div>
    </form>
  )
}
