import { z } from 'zod'
import { rights, roles } from './account.ts'

export const accountStatus = z.enum([
  'unconfirmed',
  'waiting-approval',
  'disabled',
  'pending',
  'active',
  'failed',
  'removing',
  'removed',
])
export type AccountStatus = z.infer<typeof accountStatus>

export const accountView = z
  .object({
    userid: z.string(),
    email: z.string().describe('empty for groups'),
    mailConfirmed: z.boolean(),
    role: z.enum(roles),
    rights: z.array(z.enum(rights)),
    status: accountStatus.describe('the account’s own until it is active, then that of what was delivered'),
    statusDetail: z.string().optional(),
    createdAt: z.iso.datetime(),
    notebookUrl: z.string().optional(),
    etag: z.string().describe('of role, rights, state and address, for `if-match` of a change'),
  })
  .meta({ id: 'Account' })
export type AccountView = z.infer<typeof accountView>

// Formats are checked by the rules (account.ts): one place, one message with field, value and what is right.
export const newAccount = z
  .strictObject({
    name: z.string().max(200).describe('3 to 30 lower-case letters and digits, beginning with a letter'),
    email: z.string().max(400),
    password: z.string().max(1000).optional(),
    role: z.enum(roles).exclude(['group']).default('user'),
    rights: z.array(z.enum(rights)).default([]),
  })
  .meta({ id: 'NewAccount' })

export const createdAccount = accountView
  .extend({
    apikey: z
      .string()
      .optional()
      .describe(
        'told to whoever makes the account, here and for ten minutes to the same request again; its owner can ask for it',
      ),
    command: z.int().optional().describe('the order that delivers its plan'),
  })
  .meta({ id: 'CreatedAccount' })

export const accountCredentials = z
  .object({
    userid: z.string(),
    apikey: z.string(),
    apiUrl: z.string(),
    notebookUrl: z.string(),
    command: z.int().optional(),
  })
  .meta({ id: 'Credentials' })

export const rotatedCredentials = accountCredentials
  .partial({ apikey: true })
  .describe('with the key for the owner alone: whoever rotates for somebody else is not told it')
  .meta({ id: 'RotatedCredentials' })

export const removal = accountView.extend({ command: z.int().optional() }).meta({ id: 'Removal' })

const password = z.string().max(1000).describe('10 to 128 characters')
const email = z.string().max(400)
const token = z.string().min(1, 'right is the token of the mail').max(200).describe('from the link, or typed')

export const signUpWish = z
  .strictObject({
    email,
    password,
    name: z.string().max(200).optional().describe('left out: made of the address; taken: with a number'),
  })
  .meta({ id: 'SignUp' })

/** The same for every address: it never tells who has an account. */
export const signUpAnswer = z
  .object({
    next: z.enum(['confirm', 'wait-for-approval', 'sign-in']).describe('what somebody new has to do now'),
  })
  .meta({ id: 'SignUpAnswer' })

export const tokenWish = z.strictObject({ token }).meta({ id: 'Token' })
export const emailWish = z.strictObject({ email }).meta({ id: 'EmailAddress' })
export const passwordReset = z.strictObject({ token, password }).meta({ id: 'PasswordReset' })
export const passwordChange = z
  .strictObject({ current: z.string().max(1000), new: password })
  .meta({ id: 'PasswordChange' })

export const openedAccount = accountView
  .extend({ command: z.int().optional().describe('the order that delivers its plan') })
  .meta({ id: 'OpenedAccount' })

export const sessionWish = z
  .strictObject({
    login: z.string().min(1, 'right is your user id or e-mail address').max(400).describe('user id or e-mail address'),
    password: z.string().max(1000),
  })
  .meta({ id: 'SignIn' })

export const sessionView = z
  .object({
    account: accountView,
    csrfToken: z.string().describe('header x-csrf-token of every request of this session that changes something'),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: 'Session' })

export const signedOutView = z
  .object({
    elsewhere: z
      .object({
        label: z.string().describe('as on the button that leads there'),
        url: z
          .string()
          .optional()
          .describe('send the browser there to end it; left out where the issuer has no such place or does not answer'),
      })
      .describe('the issuer that the session came by: there one is still signed in'),
  })
  .meta({ id: 'SignedOut' })

export const accountChange = z
  .strictObject({ role: z.enum(roles).exclude(['group', 'machine']), rights: z.array(z.enum(rights)).default([]) })
  .meta({ id: 'AccountChange' })

export const keyView = z
  .object({
    id: z.int(),
    name: z.string(),
    main: z.boolean().describe('the one that `om` uses; it is rotated, not revoked'),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().optional(),
    lastUsedAt: z.iso.datetime().optional().describe('to a few minutes'),
  })
  .meta({ id: 'ApiKey' })

export const newKey = z
  .strictObject({ name: z.string().max(200), expiresAt: z.iso.datetime({ offset: true }).optional() })
  .meta({ id: 'NewApiKey' })

export const createdKey = keyView.extend({ apikey: z.string().describe('told once') }).meta({ id: 'CreatedApiKey' })

const memberRole = z.enum(['owner', 'member']).describe('owners say who is in the group')

const groupMember = z
  .object({ account: z.string(), role: memberRole, since: z.iso.datetime() })
  .meta({ id: 'GroupMember' })

export const groupView = z
  .object({
    name: z.string().describe('also the qualifier under which members use its service'),
    account: z.string().describe('owns what the group has; nobody signs in as it'),
    status: accountStatus,
    statusDetail: z.string().optional(),
    createdAt: z.iso.datetime(),
    members: z.array(groupMember),
    etag: z.string().describe('of who is in it, for `if-match` of a change'),
  })
  .meta({ id: 'Group' })

export type GroupView = z.infer<typeof groupView>

export const newGroup = z
  .strictObject({
    name: z.string().max(200).describe('3 to 30 lower-case letters and digits, beginning with a letter'),
    owner: z.string().max(200).optional().describe('user id of its first owner'),
  })
  .meta({ id: 'NewGroup' })

export const memberWish = z.strictObject({ role: memberRole.default('member') }).meta({ id: 'MemberWish' })
