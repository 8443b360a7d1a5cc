import { jwksContract } from './contract-suite.ts'
import { createFakeJwks } from './fake.ts'

const uri = 'http://issuer.test/jwks.json'
const jwks = createFakeJwks()
jwksContract(() => ({ jwks, uri, serve: async (keys) => jwks.put(uri, keys) }))
