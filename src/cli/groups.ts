import { type ExitCode, exitCodes } from './exit.ts'
import { AppError } from '../base/errors.ts'
import { type GlobalOptions, type Io, print, printJson } from './io.ts'
import { connect } from './service.ts'
import { table } from './table.ts'

interface Group {
  readonly name: string
  readonly status: string
  readonly members: readonly { readonly account: string; readonly role: string }[]
  /** The order that follows. */
  readonly command?: number
}

const pathOf = (name: string) => `/api/v2/groups/${encodeURIComponent(name)}`
const memberPath = (group: string, account: string) => `${pathOf(group)}/members/${encodeURIComponent(account)}`

export async function listGroups(options: GlobalOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  const groups: Group[] = []
  for (let after: string | undefined = ''; after !== undefined; ) {
    const query: string = after === '' ? '' : `?after=${encodeURIComponent(after)}`
    const page: { groups: Group[]; next?: string } = await api.call({ path: `/api/v2/groups${query}` })
    groups.push(...page.groups)
    after = page.next
  }
  if (options.json === true) printJson(io, groups)
  else {
    const rows = groups.map(({ name, status, members }) => [name, status, String(members.length)])
    print(io, ...table([['NAME', 'STATUS', 'MEMBERS'], ...rows]))
  }
  return exitCodes.ok
}

export async function showGroup(name: string, options: GlobalOptions, io: Io): Promise<ExitCode> {
  const { api } = await connect(options, io)
  const group = await api.call<Group>({ path: pathOf(name) })
  if (options.json === true) printJson(io, group)
  else tell(group, io)
  return exitCodes.ok
}

export interface CreateGroupOptions extends GlobalOptions {
  readonly owner?: string | undefined
}

export async function createGroup(name: string, options: CreateGroupOptions, io: Io): Promise<ExitCode> {
  const { owner } = options
  return await change(options, io, {
    path: '/api/v2/groups',
    body: { name, ...(owner === undefined ? {} : { owner }) },
  })
}

export interface MemberOptions extends GlobalOptions {
  readonly owner?: boolean | undefined
}

export async function addMember(group: string, account: string, options: MemberOptions, io: Io): Promise<ExitCode> {
  const body = { role: options.owner === true ? 'owner' : 'member' }
  return await change(options, io, { method: 'PUT', path: memberPath(group, account), body })
}

export async function dropMember(group: string, account: string, options: GlobalOptions, io: Io): Promise<ExitCode> {
  return await change(options, io, { method: 'DELETE', path: memberPath(group, account) })
}

export interface RemoveGroupOptions extends GlobalOptions {
  readonly yes?: boolean | undefined
}

export async function removeGroup(name: string, options: RemoveGroupOptions, io: Io): Promise<ExitCode> {
  if (options.yes !== true) {
    const answer = await io.ask(`This deletes group ${name} with its data and models. Type its name to go on: `)
    if (answer?.trim() !== name) {
      const message = `nothing was removed: type the group's name (${name}) when asked, or give --yes`
      throw new AppError('invalid', 'not-confirmed', message)
    }
  }
  const { api } = await connect(options, io)
  const removed = await api.call<{ command?: number }>({ method: 'DELETE', path: pathOf(name) })
  if (options.json === true) printJson(io, { name, ...removed })
  else print(io, `group ${name} is being removed`)
  return exitCodes.ok
}

async function change(
  options: GlobalOptions,
  io: Io,
  { method = 'POST', path, body }: { method?: 'POST' | 'PUT' | 'DELETE'; path: string; body?: unknown },
): Promise<ExitCode> {
  const { api } = await connect(options, io)
  const group = await api.call<Group>({ method, path, ...(body === undefined ? {} : { body }) })
  if (options.json === true) printJson(io, group)
  else tell(group, io)
  return exitCodes.ok
}

function tell({ name, status, members, command }: Group, io: Io): void {
  print(io, `group ${name} is ${status}${command === undefined ? '' : `, command ${command} follows`}`)
  print(io, ...table(members.map(({ account, role }) => [`  ${account}`, role])))
}
