import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Account } from '../accounts/account.ts'
import type { Group, Member } from '../accounts/group-store.ts'
import { AppError } from '../base/errors.ts'

/** Two people may edit the same thing: who sends what was seen changes nothing that somebody else has changed since. */
export const changeHeaders = z.looseObject({
  'if-match': z.string().max(1000).optional().describe('`etag` of what was read; 412 when it is another by now'),
})

/** What an answer's `if-match` names; `undefined`: change it in any case. */
export function ifMatchOf({ headers }: FastifyRequest): string | undefined {
  const text = headers['if-match']
  return text === undefined || text.trim() === '*' ? undefined : text
}

/** What people may change of an account, in a word. */
export function etagOfAccount({ role, rights, state, email }: Account): string {
  return etagOf([role, [...rights].sort(), state, email])
}

/** Who is in a group, in a word. */
export function etagOfGroup({ id }: Pick<Group, 'id'>, members: readonly Member[]): string {
  return etagOf([id, ...members.map(({ account, role }) => `${account} ${role}`).sort()])
}

/** Throws unless `ifMatch` is absent or names the present state. */
export function assertMatch(ifMatch: string | undefined, present: string, what: string): void {
  if (ifMatch === undefined) return
  const seen = ifMatch.split(',').map((word) => word.trim().replace(/^W\//, ''))
  if (seen.includes(present)) return
  throw new AppError('conflict', 'changed-since', `${what} was changed since it was read: read it again`, {
    details: { field: 'if-match', value: ifMatch, right: present },
  })
}

function etagOf(content: unknown): string {
  return `"${createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 24)}"`
}
