import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import staticFiles from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { notFound, pathOf } from './answers.ts'

/** Everything from this origin and nothing inline; strings never become markup or code. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

/** What `web/src/router.tsx` has a page for. */
const pagePaths = [
  '/',
  '/accounts',
  '/accounts/signup',
  '/accounts/confirm',
  '/accounts/confirmed',
  '/accounts/waiting',
  '/accounts/login',
  '/accounts/logout',
  '/accounts/password/forgot',
  '/accounts/password/reset',
  '/commands',
  '/commands/:id',
  '/services',
  '/services/:plan',
  '/deployments/:id',
  '/keys',
  '/groups',
  '/mails',
  '/machines',
]

/**
 * The built pages of `web/` from their folder: hashed files that never change, and one document that is asked for anew
 * each time. It finds its way by the path, and tells a person who opened an unknown one.
 */
export async function pages(app: FastifyInstance, folder: string): Promise<void> {
  const document = readFileSync(join(folder, 'index.html'), 'utf8')
  await app.register(staticFiles, {
    root: join(folder, 'assets'),
    prefix: '/assets/',
    // One route per file: what is not there is answered like any other unknown path.
    wildcard: false,
    index: false,
    decorateReply: false,
    preCompressed: true,
    immutable: true,
    maxAge: '365d',
  })
  const send = (reply: FastifyReply) =>
    reply
      .header('content-security-policy', policy)
      .header('cache-control', 'no-store')
      .type('text/html; charset=utf-8')
      .send(document)

  for (const path of pagePaths) app.get(path, { schema: { hide: true } }, (_request, reply) => send(reply))
  app.get('/*', { schema: { hide: true } }, (request, reply) =>
    isPage(request) ? send(reply.code(404)) : notFound(request),
  )
}

export function hasPages(folder: string | undefined): folder is string {
  return folder !== undefined && existsSync(join(folder, 'index.html'))
}

/** What a person opened in a browser, told from what a program asked for. */
function isPage(request: FastifyRequest): boolean {
  return (request.headers.accept ?? '').includes('text/html') && !/^\/+(api|assets)(\/|$)/.test(pathOf(request))
}
