import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { audit } from '../../accounts/audit.ts'
import { VERIFIES_MS } from '../../accounts/signing-keys.ts'
import { inTransaction } from '../../db/transaction.ts'
import { errorBody } from '../answers.ts'
import type { ApiDeps } from '../deps.ts'
import type { SignIn } from '../sign-in.ts'

const tags = ['signing-keys']
const problems = { '4xx': errorBody, '5xx': errorBody }

const keyView = z
  .object({
    kid: z.string(),
    signs: z.boolean().describe('one signs; the others verify what they have signed'),
    createdAt: z.iso.datetime().optional(),
    endsAt: z.iso.datetime().optional().describe('when it stops verifying'),
  })
  .meta({ id: 'SigningKey' })
const keyList = z.object({ keys: z.array(keyView) })

const rotation = z
  .strictObject({
    endOld: z.boolean().default(false).describe('what older keys signed is void at once: after one became known'),
  })
  .meta({ id: 'SigningKeyRotation' })

/** Keys of our tokens and of the OpenID Connect provider; for admins. */
export function signingKeyRoutes(plain: FastifyInstance, deps: ApiDeps, signIn: SignIn): void {
  const app = plain.withTypeProvider<ZodTypeProvider>()
  const { signingKeys } = deps.jwts

  app.get(
    '/api/v2/signing-keys',
    {
      schema: {
        tags,
        summary: 'List the keys that sign and verify tokens, the one that signs first',
        operationId: 'listSigningKeys',
        response: { 200: keyList, ...problems },
      },
    },
    async (request) => {
      await signIn.admin(request)
      return await show()
    },
  )

  app.post(
    '/api/v2/signing-keys/rotate',
    {
      schema: {
        tags,
        summary: 'Sign with a new key; older ones verify until what they signed has ended',
        operationId: 'rotateSigningKeys',
        body: rotation,
        response: { 200: keyList, ...problems },
      },
    },
    async (request) => {
      const caller = await signIn.admin(request)
      const { endOld } = request.body
      const made = await signingKeys.make()
      await inTransaction(deps.db, async (tx) => {
        await signingKeys.rotate(tx, made, { endOld })
        const entry = { actor: caller.name, action: 'signing-key.rotate', subject: made.kid, details: { endOld } }
        await audit(tx, { at: deps.clock.now(), ...entry })
      })
      signingKeys.forget()
      return await show()
    },
  )

  async function show(): Promise<z.infer<typeof keyList>> {
    const keys = (await signingKeys.list()).map(({ kid, createdAt, replacedAt }) => ({
      kid,
      signs: replacedAt === undefined,
      ...(createdAt === undefined ? {} : { createdAt: iso(createdAt) }),
      ...(replacedAt === undefined ? {} : { endsAt: iso(replacedAt + VERIFIES_MS) }),
    }))
    return { keys }
  }
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
