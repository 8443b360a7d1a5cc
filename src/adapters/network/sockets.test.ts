import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { createNetwork } from './sockets.ts'

test('status and open ports are told, silence is unavailable', async () => {
  const server = createServer((request, response) => {
    response.statusCode = request.headers.host === 'named' ? 204 : 302
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const network = createNetwork()
  expect(await network.httpStatus({ url: `http://127.0.0.1:${port}/` })).toBe(302)
  expect(await network.httpStatus({ url: `http://127.0.0.1:${port}/`, host: 'named' })).toBe(204)
  await expect(network.tcpOpen('127.0.0.1', port)).resolves.toBeUndefined()
  await new Promise((resolve) => server.close(resolve))
  await expect(network.tcpOpen('127.0.0.1', port)).rejects.toMatchObject({ kind: 'unavailable', code: 'no-answer' })
  await expect(network.httpStatus({ url: `http://127.0.0.1:${port}/` })).rejects.toMatchObject({ code: 'no-answer' })
})
