import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

type Thing = Record<string, unknown>

/** The local cloud's API in memory on a unix socket: keeps what is PUT, ready at the second look. */
export interface FakeLocalCloud {
  readonly endpoint: string
  /** By path, such as `/v1/volumes/mongodb`. Tests may change or delete what lies in it. */
  readonly things: Map<string, Thing>
  readonly calls: string[]
  /** Reasons by path for which a thing ends as failed. */
  readonly failing: Map<string, string>
  close(): Promise<void>
}

/** `kubeconfig` is that of every cluster. */
export async function startFakeLocalCloud(socket: string, kubeconfig = 'KUBECONFIG'): Promise<FakeLocalCloud> {
  const things = new Map<string, Thing>()
  const calls: string[] = []
  const failing = new Map<string, string>()
  const server = createServer((request, response) => {
    void answer({ things, calls, failing, kubeconfig }, request, response)
  })
  await new Promise<void>((done, failed) => {
    server.once('error', failed)
    server.listen(socket, done)
  })
  return {
    endpoint: `unix://${socket}`,
    things,
    calls,
    failing,
    close: () => new Promise<void>((done) => server.close(() => done()).closeAllConnections()),
  }
}

type Store = Pick<FakeLocalCloud, 'things' | 'calls' | 'failing'> & { readonly kubeconfig: string }

async function answer(store: Store, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? ''
  store.calls.push(`${request.method} ${path}`)
  let text = ''
  for await (const part of request) text += String(part)
  if (request.method === 'PUT') return send(response, 202, put(store, path, JSON.parse(text) as Thing))
  const thing = store.things.get(path)
  if (thing === undefined) {
    return send(response, 404, { error: { kind: 'not-found', code: 'unknown', message: `${path} does not exist` } })
  }
  if (request.method === 'DELETE') {
    for (const known of store.things.keys())
      if (known === path || known.startsWith(`${path}/`)) store.things.delete(known)
    return send(response, 202, {})
  }
  send(response, 200, thing)
  ripen(store, path, thing)
}

function put(store: Store, path: string, wanted: Thing): Thing {
  const name = path.split('/').at(-1) ?? ''
  const thing = { ...wanted, ...added(store, path, name), name, state: 'creating' }
  store.things.set(path, thing)
  return thing
}

function added({ kubeconfig }: Store, path: string, name: string): Thing {
  if (path.startsWith('/v1/volumes/')) return { path: `/mnt/volumes/${name}` }
  if (path.includes('/machines/')) return { address: '10.0.0.11' }
  return {
    kubeconfig,
    apiServer: 'https://10.0.0.1:6443',
    registry: { push: '127.0.0.1:5000', pull: '10.0.0.1:5000' },
    dns: '10.0.0.1',
    gateway: { url: 'https://10.0.0.1:7443', ca: 'GATEWAY-CA' },
    ca: 'CA',
  }
}

function ripen({ failing }: Store, path: string, thing: Thing): void {
  if (thing['state'] !== 'creating') return
  const reason = failing.get(path)
  thing['state'] = reason === undefined ? 'ready' : 'failed'
  if (reason !== undefined) thing['reason'] = reason
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
