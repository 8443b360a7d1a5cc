import type { TestHouse } from './testing.ts'

type Method = 'GET' | 'POST' | 'DELETE'

/** A browser on the site's own pages: keeps the cookie, and sends the token and its origin with every change. */
export function browserOf(house: Pick<TestHouse, 'open' | 'deps'>) {
  const origin = house.deps.site.publicUrl
  let cookie = ''
  let csrf = ''
  async function send(method: Method, url: string, payload?: object, change: Record<string, string> = {}) {
    const headers = { ...(cookie === '' ? {} : { cookie }), origin, 'x-csrf-token': csrf, ...change }
    const answer = await house.open.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) })
    const set = answer.headers['set-cookie']
    if (typeof set === 'string') cookie = set.split(';', 1)[0] ?? ''
    // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of every route
    const body: any = answer.body === '' ? undefined : answer.json()
    if (typeof body?.csrfToken === 'string') csrf = body.csrfToken
    return { status: answer.statusCode, body, headers: answer.headers, cookie: set }
  }
  return {
    cookie: () => cookie,
    get: async (url: string) => await send('GET', url),
    post: async (url: string, body: object = {}, headers: Record<string, string> = {}) =>
      await send('POST', url, body, headers),
    delete: async (url: string, headers: Record<string, string> = {}) => await send('DELETE', url, undefined, headers),
  }
}

export type TestBrowser = ReturnType<typeof browserOf>
