import { createServer } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../../test/support/programs.ts'
import { startIssuer, type TestIssuer } from '../../../test/support/issuer.ts'
import { createOpenidIssuer } from './client.ts'
import { callback, openidContract, signedOut } from './contract-suite.ts'

/** The library against a real provider: another cloudmgr. */
let other: TestIssuer
let closed = false
let issuer: ReturnType<typeof createOpenidIssuer>

const stop = async () => {
  if (!closed) await other.close()
  closed = true
}

beforeAll(async () => {
  other = await startIssuer(callback, signedOut)
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

test('an issuer without a place to sign out says nothing of one', async () => {
  const document = { issuer: '', authorization_endpoint: 'http://x.test/a', token_endpoint: 'http://x.test/t' }
  const server = createServer((_request, response) => response.end(JSON.stringify(document)))
  const port = await freePort()
  document.issuer = `http://127.0.0.1:${port}`
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done))
  const bare = createOpenidIssuer({ ...other.settings, issuer: document.issuer, clientSecret: 'x' }, () => Date.now())
  expect(await bare.end('token', signedOut)).toBeUndefined()
  server.close()
})

let browser: Awaited<ReturnType<TestIssuer['browser']>>
openidContract(() => ({
  issuer,
  visit: async (url) => {
    // A sign-out is of the browser that signed in.
    if (!url.includes('/session/end')) browser = await other.browser('alice')
    return await browser.visit(url)
  },
  stop,
}))
