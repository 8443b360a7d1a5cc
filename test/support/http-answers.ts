import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface HttpAnswer {
  readonly status: number
  readonly body?: unknown
}

export interface HttpAnswers {
  readonly url: string
  /** Method and path of what was asked, in order. */
  readonly asked: string[]
  stop(): void
}

/** A server on loopback that answers what the test says, as JSON. */
export async function answerHttp(answer: (asked: string) => HttpAnswer): Promise<HttpAnswers> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const what = `${request.method} ${request.url?.split('?')[0]}`
    asked.push(what)
    const { status, body } = answer(what)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? {}))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, stop: () => void server.close() }
}
