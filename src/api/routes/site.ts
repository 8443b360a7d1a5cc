import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { ApiDeps } from '../deps.ts'

const siteView = z
  .object({
    title: z.string(),
    signUp: z.object({
      open: z.boolean(),
      confirmation: z.boolean(),
      approval: z.boolean(),
      domains: z.array(z.string()).optional().describe('of mail addresses that may sign up; left out: all'),
    }),
    openid: z
      .object({ label: z.string(), url: z.string() })
      .optional()
      .describe('another way to sign in: the words for it, and where a browser goes'),
    notebookUrl: z.string(),
    apiUrl: z.string(),
    simulated: z
      .array(z.string())
      .describe(
        'what of this site only says that it is there and does nothing, such as its machines; empty: all is real',
      ),
  })
  .meta({ id: 'Site' })

/** What pages may know before anybody is signed in. */
export function siteRoute(plain: FastifyInstance, { site, openid }: ApiDeps): void {
  const outside = openid === undefined ? undefined : site.openid
  const { open, confirmation, approval, domains } = site.signUp
  const facts = {
    title: site.title,
    signUp: { open, confirmation, approval, ...(domains.length === 0 ? {} : { domains }) },
    ...(outside === undefined ? {} : { openid: { label: outside.label, url: '/accounts/openid' } }),
    notebookUrl: site.notebookUrl,
    apiUrl: site.publicUrl,
    simulated: [...site.simulated],
  }
  plain.withTypeProvider<ZodTypeProvider>().get(
    '/api/v2/site',
    {
      schema: {
        tags: ['site'],
        security: [],
        summary: 'What everybody may know of the site',
        operationId: 'getSite',
        response: { 200: siteView },
      },
    },
    async () => facts,
  )
}
