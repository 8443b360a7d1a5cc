import { expect } from 'vitest'
import type { TestSite } from './cli.ts'
import { kubectl } from './cluster.ts'
import type { UpResult } from './people.ts'

interface Command {
  readonly id: number
  readonly state: string
}

interface CommandDetails extends Command {
  readonly steps: readonly { readonly step: string; readonly state: string; readonly attempts: number }[]
}

/** How long it took, and how long an API that has all this to do lets somebody wait. */
export interface Crowd {
  readonly deliveredSeconds: number
  readonly comparedSeconds: number
  readonly removedSeconds: number
  readonly slowestAnswerMs: number
}

/**
 * Orders `count` accounts at once, looks whether each was delivered at the first attempt and books and world are equal, then
 * removes them all at once and looks whether anything stays.
 */
export async function crowd(site: TestSite, up: UpResult, count: number): Promise<Crowd> {
  const call = adminOf(up)
  const names = Array.from({ length: count }, (_, index) => `crowd${index}`)
  const answers = watchAnswers(up)
  try {
    const began = Date.now()
    const ordered = await Promise.all(
      names.map(async (name) => {
        const body = { name, email: `${name}@example.com` }
        return (await call<{ command: number }>('POST', '/api/v2/accounts', body)).command
      }),
    )
    await untilDone(call, ordered)
    const delivered = Date.now()
    for (const id of ordered) await expectFirstAttempts(call, id)
    const looked = Date.now()
    await expectEqualBooks(call)
    const compared = Date.now()
    expect(await traces(site)).toHaveLength(2 * count)

    const removed = await Promise.all(
      names.map(async (name) => (await call<{ command: number }>('DELETE', `/api/v2/accounts/${name}`)).command),
    )
    await untilDone(call, removed)
    const gone = Date.now()
    for (const id of removed) await expectFirstAttempts(call, id)
    // Users, virtual hosts, roots and what else has no owner any more.
    await expectEqualBooks(call)
    expect(await traces(site)).toEqual([])
    return {
      deliveredSeconds: (delivered - began) / 1000,
      comparedSeconds: (compared - looked) / 1000,
      removedSeconds: (gone - compared) / 1000,
      slowestAnswerMs: Math.max(...(await answers.end())),
    }
  } finally {
    await answers.end()
  }
}

/** A connection for each request: one that was kept is closed by the ingress at some time, and a fetch of just then fails. */
const once = { connection: 'close' }

export type Call = <T>(method: string, path: string, body?: unknown) => Promise<T>

/** Asks the API as the site's admin, by tokens that last five minutes. */
export function adminOf({ api, admin: { userid, password } }: UpResult): Call {
  let token: { readonly text: Promise<string>; readonly until: number } | undefined
  const signIn = async () => {
    const body = JSON.stringify({ username: userid, password })
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${api}/token-auth/`, { method: 'POST', headers, body })
    return ((await answer.json()) as { token: string }).token
  }
  return async <T>(method: string, path: string, body?: unknown) => {
    if (token === undefined || token.until < Date.now()) token = { text: signIn(), until: Date.now() + 200_000 }
    const headers = {
      ...once,
      authorization: `Bearer ${await token.text}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    }
    const text = body === undefined ? {} : { body: JSON.stringify(body) }
    const answer = await fetch(`${api}${path}`, { method, headers, ...text })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as T
  }
}

export async function untilDone(call: Call, ids: readonly number[]): Promise<void> {
  const open = new Set(ids)
  const left = async () => {
    const { commands } = await call<{ commands: Command[] }>('GET', '/api/v2/commands?limit=500')
    for (const { id, state } of commands) {
      if (state === 'failed') throw new Error(`command ${id} failed`)
      if (state === 'done') open.delete(id)
    }
    return open.size
  }
  await expect.poll(left, { timeout: 900_000, interval: 1000 }).toBe(0)
}

async function expectEqualBooks(call: Call): Promise<void> {
  await untilDone(call, [(await call<Command>('POST', '/api/v2/comparisons')).id])
  expect((await call<{ orphans: unknown }>('GET', '/api/v2/orphans')).orphans).toEqual([])
  expect((await call<{ drift: unknown }>('GET', '/api/v2/drift')).drift).toEqual([])
}

async function expectFirstAttempts(call: Call, id: number): Promise<void> {
  const { steps } = await call<CommandDetails>('GET', `/api/v2/commands/${id}`)
  expect(steps.filter(({ state, attempts }) => state !== 'done' || attempts !== 1)).toEqual([])
}

/** Namespaces and volumes of the crowd. */
async function traces(site: TestSite): Promise<string[]> {
  const names = await kubectl(site, 'get', 'namespaces,persistentvolumes', '-o', 'name')
  return names.split('\n').filter((name) => name.includes('crowd'))
}

/** How long the API takes to answer, again and again; in milliseconds. */
function watchAnswers({ api }: UpResult) {
  const times: number[] = []
  const over = new AbortController()
  const watch = async () => {
    while (!over.signal.aborted) {
      const began = performance.now()
      await (await fetch(`${api}/api/v1/ping`, { headers: once })).text()
      times.push(performance.now() - began)
      await new Promise((done) => setTimeout(done, 100))
    }
    return times
  }
  const watching = watch()
  // Told by `end`, which may come much later.
  watching.catch(() => undefined)
  return {
    end: async () => {
      over.abort()
      return await watching
    },
  }
}
