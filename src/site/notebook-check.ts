import { randomUUID } from 'node:crypto'
import { getCACertificates } from 'node:tls'
import { type ClientOptions, WebSocket } from 'ws'
import { AppError } from '../base/errors.ts'
import { sendJson, type Target } from './http.ts'
import type { Sleep } from './service-wait.ts'

export interface NotebookUser {
  readonly userid: string
  readonly apikey: string
  /** Host name of the notebooks, and the port that people write behind it. */
  readonly host: string
  readonly port: number
  /** What leads there from here; that port of the loopback when left out. */
  readonly target?: Target | undefined
}

export interface NotebookRun {
  readonly say: (line: string) => void
  readonly waiting: (reason: string | undefined) => void
  readonly signal: AbortSignal
  readonly sleep: Sleep
  /** How long the server may take to start. */
  readonly timeoutMs: number
}

type Call = (method: string, path: string, body?: unknown, signal?: AbortSignal) => Promise<unknown>

const name = 'self-check.ipynb'

/** What a browser does, through the front door: sign in, start the notebook server, keep a notebook and execute it. */
export async function checkNotebook(user: NotebookUser, run: NotebookRun): Promise<void> {
  const token = await signIn(user)
  run.say('signed in to JupyterHub')
  const hub = caller(user, user.host, token)
  const own = caller(user, `${user.userid}.${user.host}`, token)
  const isOurs = await startServer(hub, user.userid, run)
  run.say(isOurs ? 'notebook server started' : 'notebook server was there')
  try {
    await runNotebook(own, user, token, run)
    run.say('notebook kept in the store and executed')
  } finally {
    if (isOurs) await endServer(hub, user.userid, run)
  }
}

async function signIn(user: NotebookUser): Promise<string> {
  const auth = { username: user.userid, password: user.apikey }
  const path = `/hub/api/users/${user.userid}/tokens`
  const answer = await caller(user, user.host)('POST', path, { auth, expires_in: 900, note: 'self-check' })
  return String((answer as { token?: unknown }).token)
}

function caller(user: NotebookUser, host: string, token?: string): Call {
  const target = asking(user.target ?? { host: '127.0.0.1', port: user.port }, host)
  const headers = { host: withPort(host, user), ...(token === undefined ? {} : { authorization: `token ${token}` }) }
  return async (method, path, body, signal) => {
    const given = { ...(body === undefined ? {} : { body }), ...(signal === undefined ? {} : { signal }) }
    const request = { method, path, headers, timeoutMs: 60_000, ...given }
    const answer = await sendJson(target, request)
    if (answer.status >= 200 && answer.status < 300) return answer.body
    const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body)
    const kind = answer.status >= 500 ? 'unavailable' : 'conflict'
    throw new AppError(kind, 'notebook-refused', `${method} ${path}: ${answer.status} ${text.slice(0, 300)}`)
  }
}

function withPort(host: string, { port, target }: NotebookUser): string {
  const usual = target !== undefined && 'tls' in target && target.tls !== undefined ? 443 : 80
  return port === usual ? host : `${host}:${port}`
}

/** Each user's notebooks have a name of their own, and the certificate is that name's. */
function asking(target: Target, host: string): Target {
  if (!('tls' in target) || target.tls === undefined) return target
  return { ...target, tls: { ...target.tls, servername: host } }
}

interface ServerModel {
  readonly ready?: boolean
  readonly pending?: string | null
}

interface UserModel {
  readonly servers?: Readonly<Record<string, ServerModel>>
}

/** Says whether it had to be started. */
async function startServer(hub: Call, userid: string, run: NotebookRun): Promise<boolean> {
  const deadline = Date.now() + run.timeoutMs
  let asked = false
  for (;;) {
    const server = await findServer(hub, userid)
    if (server?.ready === true && (server.pending ?? null) === null) {
      run.waiting(undefined)
      return asked
    }
    if (server === undefined && asked) {
      throw new AppError('conflict', 'notebook-failed', `the notebook server of ${userid} ended while it started`)
    }
    if (server === undefined) {
      await hub('POST', `/hub/api/users/${userid}/server`, {})
      asked = true
    }
    if (Date.now() > deadline) {
      throw new AppError(
        'conflict',
        'notebook-slow',
        `the notebook server of ${userid} is not ready after ${run.timeoutMs / 1000} s`,
      )
    }
    run.waiting('the notebook server')
    await run.sleep(300, run.signal)
  }
}

/** Ends when the hub has begun to end it, which takes it seconds: it goes on with that, whoever waits. */
async function endServer(hub: Call, userid: string, run: NotebookRun): Promise<void> {
  const left = new AbortController()
  const ended = hub('DELETE', `/hub/api/users/${userid}/server`, undefined, left.signal)
  ended.catch(() => {
    // Told below, unless we left before.
  })
  for (;;) {
    const server = await findServer(hub, userid)
    if (server === undefined || server.pending === 'stop') return left.abort()
    await Promise.race([ended, run.sleep(100, run.signal)])
  }
}

async function findServer(hub: Call, userid: string): Promise<ServerModel | undefined> {
  return ((await hub('GET', `/hub/api/users/${userid}`)) as UserModel).servers?.['']
}

async function runNotebook(own: Call, user: NotebookUser, token: string, run: NotebookRun): Promise<void> {
  const base = `/user/${user.userid}/api`
  const cell = {
    cell_type: 'code',
    id: 'one',
    source: 'print(6 * 7)',
    metadata: {},
    outputs: [],
    execution_count: null,
  }
  const content = { cells: [cell], metadata: {}, nbformat: 4, nbformat_minor: 5 }
  await own('PUT', `${base}/contents/${name}`, { type: 'notebook', format: 'json', content })
  const kept = (await own('GET', `${base}/contents/${name}`)) as { content: { cells: { source: string | string[] }[] } }
  const code = [kept.content.cells[0]?.source ?? ''].flat().join('')
  const kernel = (await own('POST', `${base}/kernels`, { name: 'python3' })) as { id: string }
  const ownHost = withPort(`${user.userid}.${user.host}`, user)
  const printed = await execute(
    socketAt(user, ownHost, `${base}/kernels/${kernel.id}/channels`),
    token,
    code,
    run.signal,
  )
  if (printed.trim() !== '42') {
    throw new AppError('conflict', 'notebook-wrong', `the notebook printed ${JSON.stringify(printed)} instead of 42`)
  }
  await own('DELETE', `${base}/contents/${name}`)
}

interface KernelMessage {
  readonly msg_type: string
  readonly parent_header: { readonly msg_id?: string }
  readonly content: Readonly<Record<string, unknown>>
}

interface SocketPlace {
  readonly url: string
  readonly options: ClientOptions & { readonly servername?: string }
}

/** By its name on this computer, where names of the site lead to it; elsewhere by what leads there, asking for that name. */
function socketAt({ target }: NotebookUser, host: string, path: string): SocketPlace {
  if (target === undefined || 'socketPath' in target) return { url: `ws://${host}${path}`, options: {} }
  const place = `${target.host}:${target.port}${path}`
  if (target.tls === undefined) return { url: `ws://${place}`, options: { headers: { host } } }
  const { ca } = target.tls
  const authorities = ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }
  const servername = host.replace(/:\d+$/, '')
  return { url: `wss://${place}`, options: { headers: { host }, servername, ...authorities } }
}

/** Runs code in a kernel by Jupyter's websocket protocol; answers with what it printed. */
async function execute(
  { url, options }: SocketPlace,
  token: string,
  code: string,
  signal: AbortSignal,
): Promise<string> {
  const socket = new WebSocket(url, {
    ...options,
    headers: { ...options.headers, authorization: `token ${token}` },
  })
  const limit = AbortSignal.any([signal, AbortSignal.timeout(90_000)])
  const id = randomUUID()
  const header = { msg_id: id, msg_type: 'execute_request', username: '', session: randomUUID(), version: '5.3' }
  const content = { code, silent: false, store_history: false, user_expressions: {}, allow_stdin: false }
  const request = { header, parent_header: {}, metadata: {}, content, channel: 'shell', buffers: [] }
  try {
    return await new Promise<string>((resolve, reject) => {
      let printed = ''
      const fail = (reason: string) =>
        reject(new AppError('unavailable', 'notebook-kernel', `talking to the kernel: ${reason}`))
      limit.addEventListener('abort', () => fail('no answer in time'), { once: true })
      socket.addEventListener('open', () => socket.send(JSON.stringify(request)))
      socket.addEventListener('error', () => fail('the connection failed'))
      socket.addEventListener('close', () => fail('the connection was closed'))
      socket.addEventListener('message', ({ data }) => {
        const message = JSON.parse((data as Buffer | string).toString()) as KernelMessage
        if (message.parent_header.msg_id !== id) return
        if (message.msg_type === 'stream') printed += String(message.content['text'])
        if (message.msg_type === 'error') fail(String(message.content['evalue']))
        if (message.msg_type === 'status' && message.content['execution_state'] === 'idle') resolve(printed)
      })
    })
  } finally {
    socket.close()
  }
}
