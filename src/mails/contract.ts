import { z } from 'zod'

export const mailView = z
  .object({
    id: z.int(),
    to: z.string(),
    kind: z.string(),
    subject: z.string(),
    status: z.enum(['waiting', 'sent', 'failed', 'listed']).describe('listed: the site has no mail server'),
    attempts: z.int(),
    createdAt: z.iso.datetime(),
    sentAt: z.iso.datetime().optional(),
    message: z.string().optional().describe('why it was not sent'),
    text: z.string(),
  })
  .meta({ id: 'Mail' })
