import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { proofFor } from '../base/proof.ts'
import { bellOf } from '../commands/bell.ts'
import { startHouse, type TestHouse } from './testing.ts'
import { WAKE_PURPOSE } from './wake-route.ts'

let house: TestHouse
let url: string

beforeEach(async () => {
  house = await startHouse()
  await house.inside.listen({ host: '127.0.0.1', port: 0 })
  url = `http://127.0.0.1:${(house.inside.server.address() as AddressInfo).port}/internal/wake`
})
afterEach(async () => await house.close())

/** A stream on a connection of its own, as an engine has. */
async function openStream(authorization = `Engine ${proofFor(house.deps.keys, WAKE_PURPOSE, house.time.now)}`) {
  const request = get(url, { agent: false, headers: { authorization } })
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  answer.setEncoding('utf8')
  const words = answer[Symbol.asyncIterator]() as AsyncIterator<string>
  return {
    status: answer.statusCode,
    next: async () => (await words.next()).value as string,
    stop: () => request.destroy(),
  }
}

test('a submitted command is told at once, without a word about it', async () => {
  const stream = await openStream()
  expect(await stream.next()).toBe('{"event":"hello"}\n')
  bellOf(house.db).ring()
  expect(await stream.next()).toBe('{"event":"wake"}\n')
  stream.stop()
})

test('no more than sixteen may listen, and who leaves makes room', async () => {
  const streams = []
  for (let n = 0; n < 16; n += 1) streams.push(await openStream())
  const refused = await openStream()
  expect(refused.status).toBe(503)
  refused.stop()
  streams[0]?.stop()
  await expect.poll(async () => (streams[16] = await openStream()).status).toBe(200)
  await house.inside.close()
  expect(await streams[16]?.next()).toBe('{"event":"hello"}\n')
  for (const stream of streams) stream.stop()
})

test('a worker or a notebook gets none, so that they can’t take them all', async () => {
  const old = proofFor(house.deps.keys, WAKE_PURPOSE, house.time.now - 3_600_000)
  for (const authorization of ['', 'Engine', 'ApiKey alice:key', `Engine ${old}`]) {
    const stream = await openStream(authorization)
    expect(stream.status, authorization).toBe(401)
    stream.stop()
  }
})

test('open streams do not keep the server from closing', async () => {
  const stream = await openStream()
  await stream.next()
  await house.inside.close()
  expect(await stream.next()).toBeUndefined()
})
