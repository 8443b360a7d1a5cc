import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { silentLog } from '../base/log.ts'
import { type ForwardConfig, Forwarder } from './forward.ts'

let folder: string
let echo: Server
let forwarder: Forwarder
let port: number

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'forward-'))
  echo = createServer((socket) => void socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  port = await freePort()
  say({ targets: ['127.0.0.1'], machines: ['127.0.0.1'] })
  forwarder = new Forwarder(join(folder, 'forward.json'), silentLog)
  forwarder.start()
})

afterEach(() => {
  forwarder.stop()
  echo.close()
  rmSync(folder, { recursive: true })
})

function say(to: Pick<ForwardConfig, 'targets' | 'machines'>, ...addresses: string[]): void {
  const own = { host: port, node: (echo.address() as AddressInfo).port }
  const config: ForwardConfig = { listen: [own, ...addresses.map((address) => ({ ...own, address }))], ...to }
  writeFileSync(join(folder, 'forward.json'), JSON.stringify(config))
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

async function open(address = '127.0.0.1'): Promise<Socket> {
  const socket = connect(port, address)
  await once(socket, 'connect')
  return socket.on('error', () => {})
}

/** The forwarder opens its ports without a word. */
async function firstOne(): Promise<Socket> {
  return await vi.waitFor(async () => await open())
}

async function echoed(socket: Socket): Promise<string> {
  socket.write('hello')
  const [data] = (await once(socket, 'data')) as [Buffer]
  return data.toString()
}

async function isServed(): Promise<boolean> {
  const socket = await open()
  const closed = once(socket, 'close').then(() => false)
  const served = echoed(socket).then(() => true)
  const answer = await Promise.race([closed, served])
  socket.destroy()
  return answer
}

test('connections outlive the leaving of their machine, and end when it is gone', async () => {
  const early = await firstOne()
  expect(await echoed(early)).toBe('hello')

  say({ targets: [], machines: ['127.0.0.1'] })
  await expect.poll(isServed).toBe(false)
  expect(await echoed(early)).toBe('hello')

  const ended = once(early, 'close')
  say({ targets: [], machines: [] })
  await ended
  expect(early.destroyed).toBe(true)
})

test('addresses come and go beside the loopback, and open connections stay', async () => {
  const all = { targets: ['127.0.0.1'], machines: ['127.0.0.1'] }
  await firstOne()
  await expect(open('127.0.0.2')).rejects.toMatchObject({ code: 'ECONNREFUSED' })

  say(all, '127.0.0.2')
  const early = await vi.waitFor(async () => await open('127.0.0.2'), 5000)
  expect(await echoed(await open())).toBe('hello')

  say(all)
  await expect.poll(() => open('127.0.0.2').then(() => 'open', String), { timeout: 5000 }).toContain('ECONNREFUSED')
  expect(await echoed(early)).toBe('hello')
})
