import { openidContract } from './contract-suite.ts'
import { createFakeIssuer } from './fake.ts'

const issuer = createFakeIssuer()
const alice = { sub: '1', preferred_username: 'alice', email: 'alice@example.org', email_verified: true }
openidContract(() => ({
  issuer,
  visit: async (url) => issuer.visit(url, alice),
  stop: async () => issuer.setReachable(false),
}))
