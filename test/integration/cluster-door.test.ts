import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Credential } from '../../src/base/certificate.ts'
import {
  type DoorCredentials,
  farDoorConfig,
  makeDoorCredentials,
  siteDoorConfig,
} from '../../src/clusters/cluster-door.ts'
import { answerOf, findNginx, logOf, type Nginx, startNginx } from '../support/nginx.ts'
import { freePort } from '../support/programs.ts'
import type { ServerProcess } from '../support/server-process.ts'

/** Both configurations of a door, with a real nginx each: a service behind the site's, a pod before the other. */
let folder: string
let nginx: Nginx
let service: Server
const heard: string[] = []
let second: DoorCredentials
let third: DoorCredentials
let site: { readonly port: number; readonly folder: string }
const running: ServerProcess[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cluster-door-'))
  nginx = await findNginx()
  second = await makeDoorCredentials('second', new Date())
  third = await makeDoorCredentials('third', new Date())
  service = createServer((socket) =>
    socket.once('data', (line) => {
      heard.push(String(line))
      socket.end(`heard ${String(line)}`)
    }),
  )
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  const target = `127.0.0.1:${(service.address() as AddressInfo).port}`
  site = await start('site', siteDoorConfig, target, second.authority, second.server)
})
afterAll(async () => {
  for (const one of running) await one.stop()
  service?.close()
  await rm(folder, { recursive: true, force: true })
})

async function start(
  name: string,
  config: typeof siteDoorConfig,
  target: string,
  authority: string,
  { cert, key }: Credential,
) {
  const own = join(folder, name)
  const [listen, health] = [await freePort(), await freePort()]
  const text = config([{ listen, target }], { folder: own, scratch: own, modules: join(own, 'modules'), health })
  const files = { 'nginx.conf': text, 'ca.crt': authority, 'tls.crt': cert, 'tls.key': key }
  running.push(await startNginx(nginx, own, files, health))
  return { port: listen, folder: own }
}

const far = async (name: string, authority: string, client: Credential) =>
  await start(name, farDoorConfig, `127.0.0.1:${site.port}`, authority, client)

test('a pod of the cluster reaches the service through both', async () => {
  const { port } = await far('second', second.authority, second.client)
  expect(await answerOf(port, 'a task')).toBe('heard a task')
})

test('another cluster’s certificate lets nobody in', async () => {
  const { port } = await far('third', second.authority, third.client)
  await expect(answerOf(port, 'of another')).rejects.toThrow('without a word')
  expect(heard).not.toContain('of another')
})

test('who shows no certificate is not let in, and a plain word least of all', async () => {
  const socket = connect({
    port: site.port,
    host: '127.0.0.1',
    ca: second.authority,
    servername: 'door.cloudmgr.internal',
  })
  const closed = new Promise<void>((resolve) => socket.once('error', () => {}).once('close', () => resolve()))
  socket.write('without a certificate')
  await closed
  await expect(answerOf(site.port, 'plain')).rejects.toThrow('without a word')
  expect(heard.filter((line) => line !== 'a task')).toEqual([])
})

test('a site’s door of another authority is not believed: nothing is told to it', async () => {
  const { port, folder: own } = await far('deceived', third.authority, second.client)
  await expect(answerOf(port, 'a secret')).rejects.toThrow('without a word')
  expect(logOf(own)).toContain('upstream SSL certificate verify error')
})
