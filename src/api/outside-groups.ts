import type { Account } from '../accounts/account.ts'
import { findGroup, findMemberRole } from '../accounts/group-store.ts'
import { type OutsideRules, wantedMemberships } from '../accounts/outside.ts'
import type { Db } from '../db/database.ts'
import type { ApiDeps } from './deps.ts'
import { dropMember, takeMember } from './group-cases.ts'

/**
 * The groups that the site's rules name, as the claims say: who left one there leaves it here, which gets new passwords.
 * Answers with those that changed: what is remembered of them is forgotten after the commit.
 */
export async function keepGroupsInStep(
  deps: ApiDeps,
  tx: Db,
  account: Account,
  claims: Readonly<Record<string, unknown>>,
  rules: OutsideRules,
): Promise<string[]> {
  const changed: string[] = []
  for (const [name, wanted] of wantedMemberships(claims, rules)) {
    const group = await findGroup(tx, name)
    if (group === undefined) {
      if (wanted !== undefined) deps.log.warn('a group of site.openid does not exist', { group: name })
      continue
    }
    const role = await findMemberRole(tx, group.id, account.id)
    if (role === wanted) continue
    if (wanted === undefined) await dropMember(deps, tx, account, group, account)
    else await takeMember(deps, tx, account, group, { account, role: wanted })
    changed.push(group.name)
  }
  return changed
}
