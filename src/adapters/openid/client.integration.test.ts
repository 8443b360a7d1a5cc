import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../../test/support/programs.ts'
import { startIssuer, type TestIssuer } from '../../../test/support/issuer.ts'
import { createOpenidIssuer } from './client.ts'
import { callback, openidContract } from './contract-suite.ts'

/** The library against a real provider: another cloudmgr. */
let other: TestIssuer
let closed = false
let issuer: ReturnType<typeof createOpenidIssuer>

const stop = async () => {
  if (!closed) await other.close()
  closed = true
}

beforeAll(async () => {
  other = await startIssuer(callback)
  await other.person('alice')
  issuer = createOpenidIssuer({ ...other.settings, clientSecret: other.secret }, () => Date.now())
})
afterAll(stop)

test('a wrong secret of ours is refused by the issuer', async () => {
  const wrong = createOpenidIssuer({ ...other.settings, clientSecret: 'wrong' }, () => Date.now())
  const { url, pending } = await wrong.begin(callback)
  const answer = await other.visit(url, 'alice')
  await expect(wrong.finish(answer, pending)).rejects.toMatchObject({ code: 'outside-refused' })
})

test('an address where no issuer is, is unavailable', async () => {
  const nobody = `http://127.0.0.1:${await freePort()}`
  for (const at of [nobody, other.settings.issuer.replace(/oidc$/, '')]) {
    const wrong = createOpenidIssuer({ ...other.settings, issuer: at, clientSecret: 'x' }, () => Date.now())
    await expect(wrong.begin(callback)).rejects.toMatchObject({ code: 'issuer-unreachable' })
  }
})

openidContract(() => ({ issuer, visit: async (url) => await other.visit(url, 'alice'), stop }))
