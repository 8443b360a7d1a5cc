import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { startHouse } from '../src/api/testing.ts'

const file = resolve(import.meta.dirname, '../docs/openapi.json')

/** The API as the server itself describes it: for readers, and for generators of clients. */
async function describe(): Promise<string> {
  const house = await startHouse()
  try {
    const answer = await house.open.inject('/api/v2/openapi.json')
    return `${JSON.stringify(answer.json(), undefined, 2)}\n`
  } finally {
    await house.close()
  }
}

const wanted = await describe()
if (!process.argv.includes('--check')) {
  writeFileSync(file, wanted)
} else if (!existsSync(file) || readFileSync(file, 'utf8') !== wanted) {
  console.error('docs/openapi.json differs from what the server describes')
  process.exitCode = 1
}
