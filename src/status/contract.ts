import { z } from 'zod'

/** `null` where it could not be asked: `problems` says why. */
export const accountStatusView = z
  .object({
    userid: z.string(),
    pods: z
      .array(
        z.object({
          name: z.string(),
          status: z.string().describe('one word, as kubectl says it'),
          ready: z.boolean(),
          node: z.string().optional(),
          waiting: z.string().optional().describe('why no node takes it'),
          cluster: z.string().optional().describe('beside the site’s own; left out of that'),
        }),
      )
      .nullable(),
    workers: z
      .array(z.object({ name: z.string(), queues: z.array(z.string()) }))
      .nullable()
      .describe('runtime workers that take this account’s tasks'),
    database: z.object({ bytes: z.int() }).nullable().describe('null also for accounts without a database'),
    notebook: z.enum(['running', 'starting', 'stopped']).nullable(),
    problems: z.array(z.object({ part: z.enum(['pods', 'workers', 'database']), message: z.string() })),
  })
  .meta({ id: 'AccountStatus' })
export type AccountStatusView = z.infer<typeof accountStatusView>
