import { z } from 'zod'
import { rights, roles } from './account.ts'

export const accountStatus = z.enum(['pending', 'active', 'failed', 'removing', 'removed'])
export type AccountStatus = z.infer<typeof accountStatus>

export const accountView = z
  .object({
    userid: z.string(),
    email: z.string(),
    role: z.enum(roles),
    rights: z.array(z.enum(rights)),
    status: accountStatus.describe('of what was delivered; accounts without a plan are active'),
    statusDetail: z.string().optional(),
    createdAt: z.iso.datetime(),
    notebookUrl: z.string().optional(),
  })
  .meta({ id: 'Account' })
export type AccountView = z.infer<typeof accountView>

// Formats are checked by the rules (account.ts): one place, one message with field, value and what is right.
export const newAccount = z
  .strictObject({
    name: z.string().max(200).describe('3 to 30 lower-case letters and digits, beginning with a letter'),
    email: z.string().max(400),
    password: z.string().max(1000).optional(),
    role: z.enum(roles).default('user'),
    rights: z.array(z.enum(rights)).default([]),
  })
  .meta({ id: 'NewAccount' })

export const createdAccount = accountView
  .extend({
    apikey: z.string().describe('sent once here; its owner can ask for it again'),
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

export const removal = accountView.extend({ command: z.int().optional() }).meta({ id: 'Removal' })
