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

export interface UserOutcome {
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

/** Resolves once the first of a user's tasks is done; the others run on, three seconds each. */
export async function beginTasks(
  who: Person,
  count: number,
): Promise<{ readonly ended: Promise<{ results: number }> }> {
  const begun = Promise.withResolvers<void>()
  const words = [who.userid, who.apiUrl, String(count)]
  const ended = runPython<{ results: number }>('patient.py', words, { APIKEY: who.apikey }, (line) => {
    if (line === 'SENT') begun.resolve()
  })
  await Promise.race([begun.promise, ended])
  return { ended }
}

/** What the steps of the account's newest command say of what they wait for. */
export async function waitsOf(site: TestSite, account: string): Promise<string> {
  const commands = await site.json<{ id: number; account?: string }[]>('commands', 'list', '--service')
  const newest = commands.find((one) => one.account === account)
  if (newest === undefined) return ''
  const words = ['commands', 'show', String(newest.id), '--service']
  const { steps } = await site.json<{ steps: { waiting?: string; message?: string }[] }>(...words)
  return steps.flatMap(({ waiting, message }) => waiting ?? message ?? []).join('\n')
}

/** `GET /api/v1/config/` with the person's API key. */
const askConfig = ({ userid, apikey, apiUrl }: Person): Promise<Response> =>
  fetch(`${apiUrl}/api/v1/config/`, { headers: { authorization: `ApiKey ${userid}:${apikey}` } })

export const configStatus = async (who: Person): Promise<number> => (await askConfig(who)).status

export async function configOf(who: Person): Promise<Record<string, string>> {
  const body = (await (await askConfig(who)).json()) as { objects: [{ data: Record<string, string> }] }
  return body.objects[0].data
}

/** Replaces the person's own credentials, and waits until the new ones are in place; nobody else is told the new key. */
export async function rotateAs({ userid, apikey, apiUrl }: Person): Promise<string> {
  const ask = async (method: string, path: string, key: string) => {
    const headers = { authorization: `ApiKey ${userid}:${key}` }
    const answer = await fetch(`${apiUrl}${path}`, { method, headers })
    expect(answer.status).toBe(200)
    return (await answer.json()) as { apikey: string; command: number; state: string }
  }
  const rotated = await ask('POST', `/api/v2/accounts/${userid}/credentials/rotate`, apikey)
  const state = async () => (await ask('GET', `/api/v2/commands/${rotated.command}`, rotated.apikey)).state
  await expect.poll(state, { timeout: 60_000 }).toBe('done')
  return rotated.apikey
}
