import { expect } from 'vitest'
import type { TestSite } from './cli.ts'
import { runPython } from './client.ts'

/** What `up --json` prints. */
export interface UpResult {
  readonly api: string
  readonly notebook: string
  readonly admin: { readonly userid: string; readonly password: string }
  readonly demo: { readonly userid: string; readonly apikey: string }
}

/** What `account create --json` prints. */
export interface Person {
  readonly userid: string
  readonly apikey: string
  readonly apiUrl: string
  readonly status: string
  readonly readySeconds: number
}

interface Said {
  readonly code: number
  readonly output: string
}

interface UserOutcome {
  readonly login: Said
  readonly ping: Said
  readonly mongo: string
  readonly before: { readonly datasets: string[]; readonly jobs: string[] }
  readonly dataset: { readonly rows: number; readonly equal: boolean }
  readonly accuracy: number
  readonly job: { readonly status: string }
}

export const createAccount = (site: TestSite, name: string): Promise<Person> =>
  site.json<Person>('account', 'create', name, '--email', `${name}@example.com`)

/** Does what a data scientist does, by the unmodified client, and expects all of it to work. */
export async function workAs(site: TestSite, who: Person): Promise<UserOutcome> {
  const outcome = await runPython<UserOutcome>('user.py', [who.userid, who.apiUrl], { APIKEY: who.apikey })
  expect(outcome.login, outcome.login.output).toMatchObject({ code: 0 })
  expect(outcome.ping.output).toContain('ping return message')
  expect(outcome.ping.code).toBe(0)
  expect(outcome.mongo).toMatch(new RegExp(`^mongo\\.${site.domain}:${site.portBase + 2}/`))
  expect(outcome.dataset).toEqual({ rows: 178, equal: true })
  expect(outcome.accuracy).toBeGreaterThan(0.9)
  expect(outcome.job).toEqual({ status: 'OK' })
  return outcome
}

/** `GET /api/v1/config/` with the person's API key. */
const askConfig = ({ userid, apikey, apiUrl }: Person): Promise<Response> =>
  fetch(`${apiUrl}/api/v1/config/`, { headers: { authorization: `ApiKey ${userid}:${apikey}` } })

export const configStatus = async (who: Person): Promise<number> => (await askConfig(who)).status

export async function configOf(who: Person): Promise<Record<string, string>> {
  const body = (await (await askConfig(who)).json()) as { objects: [{ data: Record<string, string> }] }
  return body.objects[0].data
}

/** Replaces the person's own credentials; the new key is told to nobody else. */
export async function rotateAs({ userid, apikey, apiUrl }: Person): Promise<string> {
  const headers = { authorization: `ApiKey ${userid}:${apikey}` }
  const answer = await fetch(`${apiUrl}/api/v2/accounts/${userid}/credentials/rotate`, { method: 'POST', headers })
  expect(answer.status).toBe(200)
  return ((await answer.json()) as { apikey: string }).apikey
}
