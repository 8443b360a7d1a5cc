import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import openapiTS, { astToString, type OpenAPI3 } from 'openapi-typescript'
import { startHouse } from '../src/api/testing.ts'

const file = resolve(import.meta.dirname, '../src/client/schema.ts')
const head = '/** Generated from the server’s own description: `node scripts/openapi.ts`. */\n\n'

/** The types of the API as the server describes it. */
async function typesOfServer(): Promise<string> {
  const house = await startHouse()
  try {
    const description = (await house.open.inject('/api/v3/openapi.json')).json<OpenAPI3>()
    return head + astToString(await openapiTS(description, { alphabetize: true }))
  } finally {
    await house.close()
  }
}

const wanted = await typesOfServer()
if (process.argv.includes('--check')) {
  if (readFileSync(file, 'utf8') !== wanted) {
    console.error('src/client/schema.ts differs from what the server describes')
    process.exitCode = 1
  }
} else {
  writeFileSync(file, wanted)
}
