import type { Right, Role, StaffRight } from './account.ts'
import type { MemberRole } from './group-store.ts'

/** What a site makes of what another issuer says of somebody. */
export interface OutsideRules {
  readonly nameClaim: string
  readonly groupsClaim: string
  readonly groups: readonly { readonly value: string; readonly group: string; readonly role: MemberRole }[]
  readonly roles: readonly {
    readonly value: string
    readonly role: 'admin' | 'staff'
    readonly rights: readonly StaffRight[]
  }[]
}

type Claims = Readonly<Record<string, unknown>>

export interface OutsideRole {
  readonly role: Role
  readonly rights: readonly Right[]
}

/** The address, if the issuer says that it is theirs. */
export function verifiedMail({ email, email_verified: isVerified }: Claims): string | undefined {
  return typeof email === 'string' && email !== '' && isVerified === true ? email.toLowerCase() : undefined
}

/** What the account would like to be called: letters and digits of the claim, in lower case; `undefined`: nothing usable. */
export function wantedName(claims: Claims, { nameClaim }: OutsideRules): string | undefined {
  const claim = claims[nameClaim]
  if (typeof claim !== 'string') return undefined
  // Some issuers name people by their address.
  const name = (claim.split('@', 1)[0] ?? '').toLowerCase().replace(/[^a-z0-9]/g, '')
  return /^[a-z][a-z0-9]{2,}$/.test(name) ? name.slice(0, 30) : undefined
}

/** The role in each group that the rules name; `undefined`: not in it. Groups that no rule names are nobody's business here. */
export function wantedMemberships(claims: Claims, rules: OutsideRules): Map<string, MemberRole | undefined> {
  const values = valuesOf(claims, rules)
  const wanted = new Map<string, MemberRole | undefined>()
  for (const { value, group, role } of rules.groups) {
    const before = wanted.get(group)
    const holds = values.has(value)
    wanted.set(group, before === 'owner' || !holds ? before : role)
  }
  return wanted
}

/** The role that the issuer gives; `undefined` where the rules say nothing of roles. Rights of several values add up. */
export function wantedRole(claims: Claims, rules: OutsideRules): OutsideRole | undefined {
  if (rules.roles.length === 0) return undefined
  const values = valuesOf(claims, rules)
  const matching = rules.roles.filter(({ value }) => values.has(value))
  if (matching.some(({ role }) => role === 'admin')) return { role: 'admin', rights: [] }
  if (matching.length === 0) return { role: 'user', rights: [] }
  return { role: 'staff', rights: [...new Set(matching.flatMap(({ rights }) => rights))].sort() }
}

/** A list of words, or one word. Without the claim it is empty: that is how many issuers say "in no group". */
function valuesOf(claims: Claims, { groupsClaim }: OutsideRules): Set<string> {
  const claim = claims[groupsClaim]
  const list: unknown[] = Array.isArray(claim) ? claim : [claim]
  return new Set(list.filter((value) => typeof value === 'string'))
}
