import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import { TOKEN_LIFE_S } from '../../accounts/jwt.ts'
import { AppError } from '../../base/errors.ts'
import type { ApiDeps } from '../deps.ts'
import type { Guessing } from '../guessing.ts'
import { signInByPassword } from '../password-sign-in.ts'

const login = z.object({ username: z.string().min(1).max(400), password: z.string().max(1000) })
const renewal = z.object({ token: z.string().min(1).max(8000) })

/** Tokens as the original gave them; its clients pass the e-mail address as `username`. */
export function tokenRoutes(app: FastifyInstance, deps: ApiDeps, guessing: Guessing): void {
  app.post('/token-auth', { schema: { hide: true } }, async (request, reply) =>
    answered(reply, async () => {
      const { username, password } = read(login, request.body)
      const account = await signInByPassword(deps, guessing, { login: username, password }, request.ip)
      return await deps.jwts.issue(account)
    }),
  )

  app.post('/token-refresh', { schema: { hide: true } }, async (request, reply) =>
    answered(reply, async () => await deps.jwts.refresh(read(renewal, request.body).token)),
  )

  app.get('/.well-known/jwks.json', { schema: { hide: true } }, async (_request, reply) => {
    void reply.header('cache-control', 'public, max-age=300')
    return await deps.jwts.publicKeys()
  })
}

/** What is wrong with input or sign-in is a 400 with `errors` here. */
async function answered(reply: FastifyReply, work: () => Promise<string>) {
  void reply.header('cache-control', 'no-store')
  try {
    return { token_type: 'Bearer', token: await work(), expires_in: TOKEN_LIFE_S }
  } catch (error) {
    const isTheirs = error instanceof AppError && ['invalid', 'unauthenticated', 'forbidden'].includes(error.kind)
    if (!isTheirs) throw error
    return await reply.code(400).send({ errors: [{ code: error.code, message: error.message }] })
  }
}

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const text = result.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`).join('; ')
  throw new AppError('invalid', 'request-invalid', `the request can't be used: ${text}`)
}
