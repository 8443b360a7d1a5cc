import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as secureRequest } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pullImage } from '../../src/images/pull.ts'
import { findDigest } from '../../src/images/registry.ts'
import { pullSecret, pullSecretName } from '../../src/site/pull-secret.ts'
import { registryLogin, startImageRegistry } from '../support/image-registry.ts'
import {
  type Answer,
  call,
  eventually,
  type Kubectl,
  kubectlWith,
  pushProgram,
  pythonPod,
} from './local-cloud-client.ts'

/** Real machines on this host, in a state folder of the test's own. Needs root and CLOUDMGR_TOOLS_BIN. */
const program = resolve(import.meta.dirname, '../../src/local/main.ts')
const binDir = process.env['CLOUDMGR_TOOLS_BIN'] ?? ''
const root = mkdtempSync(join(tmpdir(), 'local-cloud-'))
const state = join(root, 'cloud')
const socket = join(state, 'api.sock')
const web = 'import http.server;http.server.test(http.server.SimpleHTTPRequestHandler,port=8000)'
const sleeper = 'import signal;signal.pause()'
const json = { 'content-type': 'application/json' }

interface Cluster {
  readonly state: string
  readonly kubeconfig: string
  readonly ca: string
  readonly slot: number
  readonly dns: string
  readonly registry: { readonly push: string; readonly pull: string }
  readonly gateway: { readonly url: string; readonly ca: string; readonly token: string }
  readonly programs: readonly { readonly name: string; readonly pid: number; readonly alive: boolean }[]
}

let kubectl: Kubectl
let port = 0

const local = (word: string, ...words: string[]) =>
  execa(process.execPath, [program, word, '--state', state, '--bin', binDir, ...words])
const cluster = async () => (await call<Cluster>(socket, 'GET', '/v1/clusters/test')).body
const machine = (name: string) =>
  call<{ state: string; reason?: string; address: string }>(socket, 'GET', `/v1/clusters/test/machines/${name}`)
const order = (name: string, body: object) => call(socket, 'PUT', `/v1/clusters/test/machines/${name}`, body)
const worker = { cores: 1, memoryGb: 2, role: 'worker' }

async function ready(name: string): Promise<void> {
  await eventually(
    () => machine(name),
    ({ body }) => body.state === 'ready',
  )
}

async function runPod(pod: object, name: string, namespace = 'default'): Promise<void> {
  await kubectl(['apply', '-f', '-'], JSON.stringify(pod))
  await kubectl(['wait', '--for=condition=Ready', `pod/${name}`, '-n', namespace, '--timeout=60s'])
}

/** What a piece of Python prints inside a pod. */
async function inPod(name: string, code: string, namespace = 'default'): Promise<string> {
  return (await kubectl(['exec', '-n', namespace, name, '--', '/usr/bin/python3', '-c', code])).trim()
}

async function reaches(pod: string, namespace: string, host: string, to: number): Promise<boolean> {
  const code = `import socket\ntry:\n socket.create_connection((${JSON.stringify(host)},${to}),2);print('open')\nexcept OSError: print('closed')`
  return (await inPod(pod, code, namespace)) === 'open'
}

async function leftovers(): Promise<string> {
  return (await local('leftovers')).stdout.trim()
}

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

function gateway(at: Cluster['gateway'], method: string, path: string, token: string, body?: object): Promise<number> {
  const data = body === undefined ? undefined : JSON.stringify(body)
  return new Promise((done, fail) => {
    const headers = { authorization: `Bearer ${token}`, ...(data === undefined ? {} : json) }
    const sent = secureRequest(`${at.url}${path}`, { method, ca: at.ca, headers }, (answer) => {
      answer.resume()
      done(answer.statusCode ?? 0)
    })
    sent.on('error', fail)
    sent.end(data)
  })
}

beforeAll(async () => {
  if (process.getuid?.() !== 0) throw new Error('real machines need root')
  if (!existsSync(join(binDir, 'kubelet'))) throw new Error('CLOUDMGR_TOOLS_BIN does not hold the programs')
  port = await freePort()
  await local('start')
  await call(socket, 'PUT', '/v1/volumes/data', { sizeGb: 1 })
}, 60_000)

afterAll(async () => {
  await call(socket, 'DELETE', '/v1/clusters/test').catch(() => undefined)
  await eventually(
    () => call(socket, 'GET', '/v1/clusters/test'),
    ({ status }) => status === 404,
  ).catch(() => undefined)
  await local('stop')
  rmSync(root, { recursive: true, force: true })
}, 120_000)

describe('orders that can not be kept are refused before anything is made', () => {
  const cases: { body: object; status: number; code: string; why: string }[] = [
    { body: {}, status: 400, code: 'body', why: 'a cluster needs a domain' },
    {
      body: { domain: 'x.localhost', kubernetesVersion: '1.2.3' },
      status: 400,
      code: 'kubernetes-version',
      why: 'there is one version',
    },
    {
      body: { domain: 'x.localhost', volumes: ['nothing'] },
      status: 404,
      code: 'no-volume',
      why: 'its volumes must exist',
    },
  ]
  for (const { body, status, code, why } of cases) {
    test(why, async () => {
      const answer = await call(socket, 'PUT', '/v1/clusters/test', body)
      expect([answer.status, (answer.body['error'] as { code: string }).code]).toEqual([status, code])
    })
  }

  test('a port in use is named together with its holder', async () => {
    const server = createServer().listen(port, '127.0.0.1')
    const answer = await call<{ error: { code: string; message: string } }>(socket, 'PUT', '/v1/clusters/test', {
      domain: 'x.localhost',
      ports: [{ host: port, node: 30080 }],
    })
    server.close()
    expect([answer.status, answer.body.error.code]).toEqual([409, 'port-in-use'])
    expect(answer.body.error.message).toContain(`(process ${process.pid})`)
    expect(await leftovers()).toBe('')
  })
})

test('an ordered cluster becomes ready', async () => {
  const wanted = {
    domain: 'test.localhost',
    ports: [{ host: port, node: 30080 }],
    volumes: ['data'],
    kubernetesVersion: '1.37.2',
  }
  const answer = await call(socket, 'PUT', '/v1/clusters/test', wanted)
  expect(answer.status).toBe(202)
  const seen = await eventually(cluster, ({ state: now }) => now === 'ready')
  const file = join(root, 'kubeconfig')
  writeFileSync(file, seen.kubeconfig, { mode: 0o600 })
  kubectl = kubectlWith(binDir, file)
  expect((await call(socket, 'PUT', '/v1/clusters/test', wanted)).status).toBe(200)
})

test('an ordered machine is a node of the ordered size, with its role from the start', async () => {
  expect((await order('node-1', { ...worker, memoryGb: 3 })).status).toBe(202)
  await ready('node-1')
  const path = 'jsonpath={.status.allocatable.cpu} {.status.allocatable.memory} {.metadata.labels.omegaml\\.io/role}'
  expect(await kubectl(['get', 'node', 'node-1', '-o', path])).toBe('1 3Gi worker')
})

test('a pod writes to a volume, is reached through the loopback port, and finds the site by its domain', async () => {
  await kubectl(['create', 'namespace', 'omegaml-services'])
  await runPod(
    pythonPod('web', 'omegaml-services', undefined, `import os;os.chdir('/data');${web}`, 'data'),
    'web',
    'omegaml-services',
  )
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'ingress', namespace: 'omegaml-services' } }
  const spec = { type: 'NodePort', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8000, nodePort: 30080 }] }
  await kubectl(['apply', '-f', '-'], JSON.stringify({ ...service, spec }))
  writeFileSync(join(state, 'volumes/data/hello.txt'), 'hello')
  const text = await eventually(
    async () => (await fetch(`http://127.0.0.1:${port}/hello.txt`)).text(),
    (seen) => seen === 'hello',
  )
  expect(text).toBe('hello')
  const look = `import urllib.request;print(urllib.request.urlopen('http://hub.test.localhost/hello.txt',timeout=5).read().decode())`
  expect(
    await eventually(
      () => inPod('web', look, 'omegaml-services'),
      (seen) => seen === 'hello',
      20_000,
    ),
  ).toBe('hello')
})

test('metrics of the node are answered', async () => {
  const look = (): Promise<string> => kubectl(['top', 'nodes'])
  expect(await eventually(look, (seen) => seen.includes('node-1'))).toContain('node-1')
})

test('a killed supervisor comes back by itself and finds every program as it was', async () => {
  const before = (await cluster()).programs
  const { pid } = JSON.parse(readFileSync(join(state, 'supervisor.json'), 'utf8')) as { pid: number }
  process.kill(pid, 'SIGKILL')
  await eventually(
    () => call<{ pid: number }>(socket, 'GET', '/v1/status'),
    ({ body }) => body.pid !== pid,
  )
  await ready('node-1')
  expect((await cluster()).programs.map(({ name, pid: number }) => `${name} ${number}`).toSorted()).toEqual(
    before.map(({ name, pid: number }) => `${name} ${number}`).toSorted(),
  )
})

test('a killed program is started again', async () => {
  const before = (await cluster()).programs.find(({ name }) => name === 'node-1.kubelet')
  process.kill(before?.pid ?? 0, 'SIGKILL')
  const again = ({ programs }: Cluster): boolean =>
    programs.some(({ name, pid, alive }) => name === 'node-1.kubelet' && alive && pid !== before?.pid)
  expect(again(await eventually(cluster, again))).toBe(true)
})

test('after everything was killed the same cluster comes back with its data', async () => {
  await kubectl(['create', 'configmap', 'kept', '--from-literal=word=kept'])
  const killed = await local('leftovers', '--json')
  const { processes } = JSON.parse(killed.stdout) as { processes: number[] }
  const { pid: keeper } = JSON.parse(readFileSync(join(state, 'keeper.json'), 'utf8')) as { pid: number }
  const { pid: supervisor } = JSON.parse(readFileSync(join(state, 'supervisor.json'), 'utf8')) as { pid: number }
  for (const pid of [keeper, supervisor, ...processes]) process.kill(pid, 'SIGKILL')
  await eventually(
    () =>
      fetch(`http://127.0.0.1:${port}/hello.txt`).then(
        () => false,
        () => true,
      ),
    Boolean,
  )
  await local('start')
  await eventually(cluster, ({ state: now }) => now === 'ready')
  await ready('node-1')
  expect(await kubectl(['get', 'configmap', 'kept', '-o', 'jsonpath={.data.word}'])).toBe('kept')
  await eventually(
    async () => (await fetch(`http://127.0.0.1:${port}/hello.txt`)).text(),
    (seen) => seen === 'hello',
    120_000,
  )
}, 300_000)

test('a second machine joins; its pods and those of the first reach each other until a policy forbids it', async () => {
  await order('node-2', {
    ...worker,
    taints: [{ key: 'only', value: 'me', effect: 'NoSchedule' }],
    labels: { speed: 'high' },
  })
  await ready('node-2')
  await kubectl(['create', 'namespace', 'other'])
  await runPod(pythonPod('first', 'default', 'node-1', web), 'first')
  await runPod(pythonPod('second', 'other', 'node-2', sleeper), 'second', 'other')
  const address = await kubectl(['get', 'pod', 'first', '-o', 'jsonpath={.status.podIP}'])
  const open = (): Promise<boolean> => reaches('second', 'other', address, 8000)
  await eventually(open, Boolean)
  const policy = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'closed', namespace: 'default' },
  }
  const spec = { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from: [{ podSelector: {} }] }] }
  await kubectl(['apply', '-f', '-'], JSON.stringify({ ...policy, spec }))
  expect(await eventually(open, (seen) => !seen)).toBe(false)
  await kubectl(['delete', 'networkpolicy', 'closed'])
  expect(await eventually(open, Boolean)).toBe(true)
}, 120_000)

test('size and labels of a living machine change in place, its kind does not', async () => {
  const changed = { ...worker, memoryGb: 2.5, labels: { speed: 'low' }, taints: [] }
  await order('node-2', changed)
  const path = 'jsonpath={.status.allocatable.memory} {.metadata.labels.speed} {.spec.taints}'
  await eventually(
    () => kubectl(['get', 'node', 'node-2', '-o', path]),
    (seen) => seen.trim() === '2560Mi low',
  )
  const answer = (await order('node-2', { ...changed, simulated: true })) as Answer<{
    error: { code: string; details: { field: string } }
  }>
  expect([answer.status, answer.body.error.code, answer.body.error.details.field]).toEqual([
    409,
    'replace-needed',
    'simulated',
  ])
})

test('a node object that was deleted by hand comes back', async () => {
  await kubectl(['delete', 'node', 'node-2'])
  await eventually(
    () => kubectl(['get', 'nodes', '-o', 'name']),
    (seen) => seen.includes('node-2'),
  )
  await ready('node-2')
  expect(await kubectl(['get', 'node', 'node-2', '-o', 'jsonpath={.metadata.labels.speed}'])).toBe('low')
})

test('a removed machine is drained and leaves nothing; one of the same name joins again', async () => {
  const before = await leftovers()
  expect(before).toContain('-node-2')
  await call(socket, 'DELETE', '/v1/clusters/test/machines/node-2')
  await eventually(
    () => machine('node-2'),
    ({ status }) => status === 404,
  )
  expect(await leftovers()).not.toContain('-node-2')
  expect(await kubectl(['get', 'nodes', '-o', 'name'])).toBe('node/node-1')
  await order('node-2', worker)
  await ready('node-2')
}, 120_000)

test('a simulated machine is a node that says so', async () => {
  await order('fake-1', { cores: 16, memoryGb: 64, role: 'worker', simulated: true })
  await ready('fake-1')
  const path = 'jsonpath={.metadata.labels.localcloud/simulated} {.status.allocatable.cpu} {.metadata.labels.type}'
  expect(await kubectl(['get', 'node', 'fake-1', '-o', path])).toBe('true 16 kwok')
})

test('the gateway lets the service order machines and volumes of its own, and nothing else', async () => {
  const { gateway: at } = await cluster()
  await eventually(
    () => gateway(at, 'GET', '/v1/volumes', at.token),
    (status) => status === 200,
  )
  const machines = '/v1/clusters/test/machines'
  expect(await gateway(at, 'GET', '/v1/volumes', 'wrong')).toBe(401)
  expect(await gateway(at, 'GET', '/v1/clusters/test', at.token)).toBe(403)
  expect(await gateway(at, 'DELETE', '/v1/clusters/test', at.token)).toBe(403)
  expect(await gateway(at, 'GET', '/v1/clusters', at.token)).toBe(404)
  expect(await gateway(at, 'DELETE', `${machines}/node-1`, at.token)).toBe(403)
  expect(await gateway(at, 'PUT', '/v1/volumes/data', at.token, { sizeGb: 2 })).toBe(403)
  expect(await gateway(at, 'PUT', `${machines}/pool-1`, at.token, { ...worker, simulated: true })).toBe(202)
  expect(await gateway(at, 'DELETE', `${machines}/pool-1`, at.token)).toBe(202)
})

test('pods reach the gateway', async () => {
  const { hostname, port: to } = new URL((await cluster()).gateway.url)
  await runPod(pythonPod('caller', 'default', 'node-1', sleeper), 'caller')
  expect(await eventually(() => reaches('caller', 'default', hostname, Number(to)), Boolean)).toBe(true)
})

test('a volume ordered through the gateway is seen by living machines, and gone when it is removed', async () => {
  const at = (await cluster()).gateway
  expect(await gateway(at, 'PUT', '/v1/volumes/ordered', at.token, { sizeGb: 1 })).toBe(200)
  await runPod(pythonPod('keeper', 'default', 'node-1', sleeper, 'ordered'), 'keeper')
  await inPod('keeper', "open('/data/kept', 'w').write('yes')")
  expect(readFileSync(join(state, 'volumes/ordered/kept'), 'utf8')).toBe('yes')
  await kubectl(['delete', 'pod', 'keeper'])
  expect(await gateway(at, 'DELETE', '/v1/volumes/ordered', at.token)).toBe(204)
  expect(existsSync(join(state, 'volumes/ordered'))).toBe(false)
  await kubectl(['apply', '-f', '-'], JSON.stringify(pythonPod('late', 'default', 'node-1', sleeper, 'ordered')))
  // The machine's folder went, too: a pod that asks for it waits.
  const events = ['get', 'events', '--field-selector', 'involvedObject.name=late,reason=FailedMount', '-o', 'name']
  expect(await eventually(() => kubectl(events), Boolean)).toContain('event')
  await kubectl(['delete', 'pod', 'late'])
})

describe('a second cluster', () => {
  const second = () => call<Cluster>(socket, 'GET', '/v1/clusters/second')
  const wanted = { domain: 'second.localhost', links: [{ port: 8000, node: 30_080 }] }
  const machineThere = async () =>
    await eventually(
      () => call<{ state: string }>(socket, 'GET', '/v1/clusters/second/machines/second-1'),
      (seen) => seen.body.state === 'ready',
    )
  let kubectlThere: Kubectl

  test('is ordered through the gateway, without ports of the host and volumes of the operator’s', async () => {
    const at = (await cluster()).gateway
    const order = (body: object) => gateway(at, 'PUT', '/v1/clusters/second', at.token, body)
    expect(await order({ ...wanted, ports: [{ host: port + 1, node: 30_081 }] })).toBe(403)
    expect(await order({ ...wanted, volumes: ['data'] })).toBe(403)
    expect(await leftovers()).not.toContain('clusters/second')
    expect(await order(wanted)).toBe(202)
    expect(await gateway(at, 'PUT', '/v1/clusters/second/machines/second-1', at.token, worker)).toBe(202)
    const { body } = await eventually(second, (seen) => seen.body.state === 'ready')
    expect(body.gateway.token).toBe('')
    const file = join(root, 'second')
    writeFileSync(file, body.kubeconfig, { mode: 0o600 })
    kubectlThere = kubectlWith(binDir, file)
    await machineThere()
    expect(await kubectlThere(['get', 'nodes', '-o', 'name'])).toBe('node/second-1')
  }, 120_000)

  test('its pods reach a service of the first cluster by a link, and run the images of the first', async () => {
    const { dns } = (await second()).body
    await kubectlThere(['apply', '-f', '-'], JSON.stringify(pythonPod('asker', 'default', undefined, sleeper)))
    await kubectlThere(['wait', '--for=condition=Ready', 'pod/asker', '--timeout=60s'])
    const look = `import urllib.request;print(urllib.request.urlopen('http://${dns}:8000/hello.txt',timeout=5).read().decode())`
    const ask = () => kubectlThere(['exec', 'asker', '--', '/usr/bin/python3', '-c', look])
    expect(await eventually(ask, (seen) => seen.trim() === 'hello', 20_000)).toContain('hello')
    const { registry } = await cluster()
    await pushProgram(`http://${registry.push}`, 'test/shared', 'pause', readFileSync(join(binDir, 'pause')))
    await kubectlThere(['run', 'pulled', `--image=${registry.pull}/test/shared:1`])
    await kubectlThere(['wait', '--for=condition=Ready', 'pod/pulled', '--timeout=60s'])
  }, 120_000)

  test('is found again by the supervisor that comes after one that was killed', async () => {
    const before = (await second()).body.programs
    const { pid } = JSON.parse(readFileSync(join(state, 'supervisor.json'), 'utf8')) as { pid: number }
    process.kill(pid, 'SIGKILL')
    await eventually(
      () => call<{ pid: number }>(socket, 'GET', '/v1/status'),
      ({ body }) => body.pid !== pid,
    )
    await machineThere()
    const { body } = await second()
    expect(new Set(body.programs.map((one) => one.pid))).toEqual(new Set(before.map((one) => one.pid)))
  })

  test('goes through the gateway and leaves nothing, the first stays as it is', async () => {
    const at = (await cluster()).gateway
    await eventually(
      () => gateway(at, 'DELETE', '/v1/clusters/second', at.token),
      (status) => status === 202,
    )
    await eventually(second, ({ status }) => status === 404, 120_000)
    await eventually(leftovers, (seen) => !seen.includes('second'))
    expect(existsSync(join(state, 'clusters/second'))).toBe(false)
    expect(await (await fetch(`http://127.0.0.1:${port}/hello.txt`)).text()).toBe('hello')
  }, 150_000)
})

test('an image pushed by this host is pulled by a machine; nobody else can push', async () => {
  const { registry } = await cluster()
  await pushProgram(`http://${registry.push}`, 'test/pause', 'pause', readFileSync(join(binDir, 'pause')))
  await kubectl(['run', 'pulled', `--image=${registry.pull}/test/pause:1`])
  await kubectl(['wait', '--for=condition=Ready', 'pod/pulled', '--timeout=60s'])
  const push = `import ssl,urllib.request as u;c=ssl.create_default_context();c.check_hostname=False;c.verify_mode=ssl.CERT_NONE
try: print(u.urlopen(u.Request('https://${registry.pull}/v2/x/blobs/uploads/',method='POST'),context=c).status)
except u.HTTPError as error: print(error.code)`
  expect(await inPod('caller', push)).toBe('405')
})

test('an image of a registry with TLS and a password is pulled with the Secret that up makes, and not without', async () => {
  const { registry } = await cluster()
  const closed = await startImageRegistry({ tls: true, auth: 'password' })
  try {
    const pin = { registry: registry.push, repository: 'test/pause' }
    const digest = await findDigest(registry.push, pin.repository, '1')
    const access = { login: registryLogin, ca: closed.ca }
    const place = { registry: `${closed.address}/team`, access, name: 'pause', tag: '1', output: () => {} }
    await pullImage({ ...pin, digest: digest ?? '' }, place)
    // As who runs the machines makes the registry's authority known to them.
    const known = join(state, 'machines/node-1/certs.d', closed.address)
    mkdirSync(known)
    writeFileSync(join(known, 'ca.crt'), closed.ca)
    writeFileSync(join(known, 'hosts.toml'), `[host."https://${closed.address}"]\nca = "${join(known, 'ca.crt')}"\n`)

    const podOf = (name: string, secrets: object[]) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: {
        nodeName: 'node-1',
        imagePullSecrets: secrets,
        containers: [{ name, image: `${place.registry}/pause@${digest}`, imagePullPolicy: 'Always' }],
      },
    })
    await kubectl(['apply', '-f', '-'], JSON.stringify(pullSecret('default', place.registry, registryLogin)))
    await kubectl(['apply', '-f', '-'], JSON.stringify(podOf('stranger', [])))
    await runPod(podOf('known', [{ name: pullSecretName }]), 'known')
    const why = 'jsonpath={.status.containerStatuses[0].state.waiting.message}'
    await eventually(
      () => kubectl(['get', 'pod', 'stranger', '-o', why]),
      (text) => /no basic auth credentials|401 Unauthorized|authorization failed/i.test(text),
    )
    await kubectl(['delete', 'pod', 'stranger', 'known', '--now'])
  } finally {
    await closed.stop()
  }
})

test('a volume in use is not removed', async () => {
  expect((await call(socket, 'DELETE', '/v1/volumes/data')).status).toBe(409)
})

test('a removed cluster leaves its volumes and nothing else', async () => {
  await call(socket, 'DELETE', '/v1/clusters/test')
  await eventually(
    () => call(socket, 'GET', '/v1/clusters/test'),
    ({ status }) => status === 404,
    120_000,
  )
  expect(await leftovers()).toBe('')
  expect(readFileSync(join(state, 'volumes/data/hello.txt'), 'utf8')).toBe('hello')
}, 180_000)
